import { type Query, queryText } from "../../catalog/query.ts";
import type { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { RouteProblem } from "../../route/route.ts";
import type { Rendered } from "../../template/render/render-proxy.ts";
import type { GenerationResult } from "../generation-result.ts";
import type { LetGo } from "../guard/guard.ts";
import type { PipelineEvents } from "../pipeline-events.ts";
import type { Generation } from "../proxy-driver.ts";
import { logData } from "./log-data.ts";
import { logFiles } from "./log-files.ts";

const PATIENCE_MS = 5_000;
const REMIND_MS = 60_000;

/** @param failures why queries have no fresh answer, by canonical text */
export function logEvents(
  log: Log,
  failures: () => ReadonlyMap<string, AppError>,
): Omit<PipelineEvents, "reconciled" | "complete"> & {
  complete(rendered: Pick<Rendered, "problems">): void;
} {
  let missing: ReadonlyMap<string, Query> = new Map();
  let waitTimer: NodeJS.Timeout | undefined;
  let known = new Set<string>();
  /** The subjects of losses that were logged since the hold began, or in shadow mode since the last generation. */
  const saidHeld = new Set<string>();
  const saidInShadow = new Set<string>();
  let lastFailure: { readonly words: string; readonly saidAtMs: number } | undefined;
  const saidInPlace = new Set<string>();
  let isDrainLimited = false;

  return {
    ...logData(log),
    ...logFiles(log),
    waiting(now) {
      missing = now;
      waitTimer ??= setTimeout(nameMissing, PATIENCE_MS);
    },
    complete({ problems }) {
      clearTimeout(waitTimer);
      waitTimer = undefined;
      const fresh = new Set(problems.map((problem) => JSON.stringify(problem)));
      for (const problem of problems) {
        if (!known.has(JSON.stringify(problem))) sayProblem(problem);
      }
      known = fresh;
    },
    templateRefused(error) {
      log.error({ result: "refused", err: error, hint: error.hint }, `refused: ${error.message}`);
    },
    held({ subject, reason, hint, forMs, isShadow }) {
      const said = isShadow ? saidInShadow : saidHeld;
      if (said.has(subject)) return;
      said.add(subject);
      if (isShadow) log.warn({ result: "held", isShadow, hint }, `would be held: ${reason}`);
      else {
        const fields = { result: "held", forMs: Math.round(forMs), hint };
        log.warn(fields, `held: ${reason}; what was lost is kept, the rest goes live`);
      }
    },
    letGo(why) {
      saidHeld.clear();
      log.info({ letGo: why }, `no longer held: ${LET_GO[why]}`);
    },
    damped({ service, instance, node }, isDamped) {
      const text = `service "${service}", instance "${instance}" on ${node}`;
      const what = isDamped ? "flaps: it is left out until it is quiet" : "is quiet again";
      log.warn({ service, instance, node, isDamped }, `${text} ${what}`);
    },
    applied(generation, result, { cause }) {
      isDrainLimited = false;
      if (result.kind === "live") saidInShadow.clear();
      if (isSaidAgain(failureWords(generation, result))) return;
      sayOutcome(log, generation, result, cause.change);
      if (result.kind === "live") sayInPlace(result.inPlace ?? []);
    },
    resumed: (generation, result) =>
      sayOutcome(log, generation, result, "its swap was interrupted"),
    drainLimited(draining) {
      if (!isDrainLimited) {
        log.warn(
          {
            draining,
            hint: "Set worker_shutdown_timeout in nginx.conf, which bounds how long old workers live; or raise settle.maxDraining",
          },
          `${draining} old workers still serve their last connections: the change waits until one ends, 10 s at most`,
        );
      }
      isDrainLimited = true;
    },
    superseded: ({ number }) =>
      log.info(
        { generation: number, result: "superseded" },
        `generation ${number} is superseded: newer changes came while it was checked`,
      ),
    willRetry: (inMs) =>
      log.info({ retryInMs: inMs }, `trying again in ${Math.round(inMs / 100) / 10} s`),
    stop: () => clearTimeout(waitTimer),
  };

  /** A retry that fails like the one before is said once a minute. */
  function isSaidAgain(words: string | undefined): boolean {
    const nowMs = performance.now();
    const isAgain =
      words !== undefined &&
      words === lastFailure?.words &&
      nowMs - lastFailure.saidAtMs < REMIND_MS;
    if (!isAgain) lastFailure = words === undefined ? undefined : { words, saidAtMs: nowMs };
    return isAgain;
  }

  function sayInPlace(paths: readonly string[]): void {
    for (const path of paths) {
      if (saidInPlace.has(path)) continue;
      saidInPlace.add(path);
      log.warn(
        { path, hint: "Mount its directory instead: then the new file replaces it in one step" },
        `"${path}" is mounted by itself and cannot be replaced: it is written in place, after its check`,
      );
    }
  }

  function nameMissing(): void {
    waitTimer = setTimeout(nameMissing, REMIND_MS);
    const names = [...missing.values()].map(queryText);
    const why = names.map((text) => failures().get(text)).find((error) => error !== undefined);
    const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
    log.warn(
      {
        missing: names.slice(0, 10),
        missingCount: names.length,
        ...(why === undefined ? {} : { err: why, hint: why.hint }),
      },
      `waiting for ${names.slice(0, 10).join(", ")}${more}${why === undefined ? "" : `: ${why.message}`}`,
    );
  }

  function sayProblem({ service, instance, node, subject, reason }: RouteProblem): void {
    log.warn(
      { service, instance, node },
      `service "${service}", instance "${instance}" on ${node}: ${subject}: ${reason}`,
    );
  }
}

const LET_GO: Readonly<Record<LetGo, string>> = {
  accepted: "it was accepted",
  recovered: "the catalog has recovered",
  time: "its time is up",
};

function sayOutcome(
  log: Log,
  { number, id }: Generation,
  result: GenerationResult,
  change: string,
): void {
  const fields = { generation: number, id, result: result.kind, ...result.timings };
  switch (result.kind) {
    case "live":
      if (result.wasLive) {
        log.info(fields, `generation ${number} is live already (${result.proof.evidence})`);
        return;
      }
      log.info(
        { ...fields, change, proof: result.proof.evidence },
        `generation ${number} is live: ${change} (${result.proof.evidence})`,
      );
      return;
    case "refused":
      log.error(
        { ...fields, change, hint: result.hint },
        `refused: generation ${number} (${change}): ${result.output}; the live files are untouched`,
      );
      return;
    case "failed": {
      const { error, inPlace, isServed } = result;
      const state = stateText(inPlace, isServed);
      log.error(
        { ...fields, change, err: error, hint: error.hint },
        `failed: generation ${number} (${change}): ${error.message}; ${state}`,
      );
    }
  }
}

function failureWords({ id }: Generation, result: GenerationResult): string | undefined {
  if (result.kind === "live") return undefined;
  return `${id} ${result.kind === "failed" ? result.error.message : result.output}`;
}

function stateText(
  inPlace: Extract<GenerationResult, { kind: "failed" }>["inPlace"],
  isServed: boolean,
): string {
  if (inPlace === "untouched") return "the live files are untouched";
  if (inPlace === "new") return "the checked files are in place";
  if (inPlace === "mixed") return "the previous files could not all be put back; that comes next";
  return isServed
    ? "the previous files are back and served"
    : "the previous files are back, but it is not proved that they are served";
}
