import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Generation, ProxyDriver } from "../../apply/proxy-driver.ts";
import type { VarnishConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { openSupervision } from "../supervise/open-supervision.ts";
import type { SupervisedProcess } from "../supervise/supervised-process.ts";
import { type BootScript, isBootScript, readBootScript } from "./boot-script.ts";
import { checkParts } from "./check-parts.ts";
import { checkVcl } from "./check-vcl.ts";
import type { CliConnection } from "./cli-connection.ts";
import { createSession } from "./cli-session.ts";
import { createDiscarder } from "./discard-vcls.ts";
import { loadParts, neededNames, servesParts, switchParts } from "./load-parts.ts";
import { loadSingle, servesSingle, useSingle } from "./load-single.ts";
import { createScratch } from "./scratch.ts";
import { type Proved, provedBy, readServed, type ServedVcl, servedIdentity } from "./served-vcl.ts";
import { activeOf, outdated } from "./vcl-list.ts";
import { warmBackends } from "./warm-backends.ts";

const POLL_MS = 50;
/** How long new backends may take for their first good probe, before they are used all the same. */
const WARM_MS = 5_000;
/** How long a varnishd that was just started may take until its CLI answers. */
const START_MS = 10_000;
/** How often it is looked whether the VCL that was proved is still the active one. */
const WATCH_MS = 2_000;

type Wanted =
  | { readonly kind: "whole"; readonly name: string }
  | { readonly kind: "parts"; readonly script: BootScript };

/** Checks, reloads and proves one Varnish over its CLI socket. */
export function createVarnishDriver(
  config: VarnishConfig,
  { log, state }: { readonly log: Log; readonly state: string },
): ProxyDriver {
  const cli = config.admin;
  const child = openSupervision(config, { stopSignal: "SIGTERM", state, log });
  const discarder = createDiscarder(log);
  /** What shall be served since the last reload: the name of a whole VCL, or the script of parts. */
  let wanted: Wanted | undefined;
  /** The parts that were in use last: their probes have run for long. */
  let warmed: ReadonlySet<string> = new Set();
  const trial = new Set<string>();
  /** The generation that was given to Varnish last. */
  let given: string | undefined;
  /** What was proved last. */
  let proved: Proved | undefined;
  const session = createSession(cli);
  const scratch = createScratch();

  return {
    async open(live) {
      scratch.noteIn(join(state, config.name));
      await child?.takeOver();
      if (live !== undefined) child?.start({ atOnce: false });
    },

    watch(onLost, signal) {
      const timer = setInterval(() => void look(), WATCH_MS);
      signal.addEventListener("abort", () => clearInterval(timer), { once: true });
      async function look(): Promise<void> {
        const was = proved;
        if (was === undefined) return;
        const served = await session.useIfFree(signal, readServed);
        if (served === undefined || proved !== was) return;
        const identity = servedIdentity(served, was.labels);
        if (identity === was.identity) return;
        proved = undefined;
        onLost(`Varnish runs ${identity}, no longer ${was.identity}`);
      }
    },

    draining: () => 0, // an old VCL costs no process

    reopenLogs: () => undefined, // varnishd writes none

    async check(candidate, signal) {
      const timeoutMs = config.checkTimeout;
      const options = { binary: config.binary, session, scratch, timeoutMs, signal };
      const manifest = candidate.files.find(({ path }) => isBootScript(path));
      return manifest === undefined
        ? await checkVcl(candidate, options)
        : await checkParts(candidate, manifest, { ...options, trial });
    },

    async reload(generation, signal) {
      if (child !== undefined) {
        child.start({ atOnce: given !== generation.id });
        await untilAnswering(child, signal);
      }
      given = generation.id;
      wanted = await session.use(signal, async (connection) => {
        const script = await readBootScript(generation.paths);
        const made =
          script === undefined
            ? await activateWhole(connection, generation, signal)
            : await activateParts(connection, script, signal);
        const { body: state } = await connection.send(["status"]);
        // A varnishd that was started without a VCL has no child until it is told to.
        if (/stopped/.test(state)) await connection.send(["start"]);
        return made;
      });
    },

    async prove(generation, signal) {
      return await session.use(signal, async (connection) => {
        const served = await readServed(connection);
        if (wanted === undefined || !isWanted(served, wanted)) {
          throw notProved(served, generation);
        }
        const needed = wanted.kind === "parts" ? neededNames(wanted.script) : new Set<string>();
        await discarder.discard(connection, outdated(served.vcls, needed));
        proved = provedBy(served, wanted.kind === "parts" ? wanted.script : undefined);
        return { evidence: evidenceOf(served, wanted), identity: proved.identity };
      });
    },

    async serves(generation, _lastProof, signal) {
      try {
        return await session.use(signal, async (connection) => {
          const served = await readServed(connection);
          const script = await readBootScript(generation.paths);
          const isServing =
            served.down === undefined &&
            (script === undefined
              ? await servesSingle(connection, generation)
              : servesParts(served.vcls, script));
          if (isServing) proved = provedBy(served, script);
          return isServing;
        });
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof AppError) return false;
        throw error;
      }
    },

    async close() {
      scratch.close();
      await child?.stop();
    },
  };

  async function activateWhole(
    connection: CliConnection,
    generation: Generation,
    signal: AbortSignal,
  ): Promise<Wanted> {
    const name = await loadSingle(connection, generation, { timeoutMs: config.checkTimeout });
    await warmBackends(
      connection,
      { name, paths: generation.paths },
      {
        log,
        signal,
        deadlineMs: performance.now() + WARM_MS,
      },
    );
    await useSingle(connection, name);
    return { kind: "whole", name };
  }

  /** What the check loaded is there already; after a restart of Varnish all of it is loaded here. */
  async function activateParts(
    connection: CliConnection,
    script: BootScript,
    signal: AbortSignal,
  ): Promise<Wanted> {
    const refused = await loadParts(connection, script, {
      from: (path) => path,
      timeoutMs: config.checkTimeout,
      trial,
    });
    if (refused !== undefined) {
      throw new AppError(
        "RELOAD_FAILED",
        `Cannot reload as Varnish does not load "${refused.path}": ${refused.output}`,
        { hint: "Let varnishd read the file at the same path, and see what it says" },
      );
    }
    const changed = [...script.labels.values()].filter((name) => !warmed.has(name));
    const deadlineMs = performance.now() + WARM_MS;
    const paths = new Map(script.loads.map(({ name, path }) => [name, path]));
    for (const name of changed) {
      const vcl = { name, paths: [paths.get(name) ?? ""] };
      await warmBackends(connection, vcl, { log, signal, deadlineMs });
    }
    await switchParts(connection, script);
    warmed = new Set(script.labels.values());
    trial.clear();
    return { kind: "parts", script };
  }

  async function untilAnswering(child: SupervisedProcess, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + START_MS;
    for (;;) {
      try {
        await session.use(signal, (connection) => connection.send(["ping"]));
        return;
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "PROXY_DOWN") throw error;
        if (child.failure() !== undefined) throw childDown(child);
        if (performance.now() > deadline) throw error;
        await sleep(POLL_MS, undefined, { signal });
      }
    }
  }
}

const isWanted = ({ vcls, down }: ServedVcl, wanted: Wanted): boolean =>
  down === undefined &&
  (wanted.kind === "whole" ? activeOf(vcls) === wanted.name : servesParts(vcls, wanted.script));

function evidenceOf({ vcls, manager }: ServedVcl, wanted: Wanted): string {
  const parts =
    wanted.kind === "whole" ? "is" : `with ${wanted.script.labels.size} parts below it is`;
  return `VCL ${activeOf(vcls)} ${parts} active in varnishd ${manager}`;
}

function notProved({ vcls, down }: ServedVcl, { number }: Generation): AppError {
  const state = down === undefined ? "" : `, and says "${down}"`;
  return new AppError(
    "NOT_PROVED",
    `Cannot prove the reload as Varnish has "${activeOf(vcls) ?? "no VCL"}" active, not what it was given as generation ${number}${state}`,
    { hint: "See whether somebody else uses Varnish's CLI, and what varnishd logs" },
  );
}

function childDown(child: SupervisedProcess): AppError {
  const words =
    child.recentErrors().findLast((line) => /error/i.test(line)) ?? child.recentErrors().at(-1);
  return new AppError(
    "PROXY_DOWN",
    `Cannot start Varnish: ${child.failure()}: ${words ?? "it said nothing"}`,
    {
      hint: "Mend what varnishd names, or correct reload.supervise. The checked files are in place, and it is started again by itself",
    },
  );
}
