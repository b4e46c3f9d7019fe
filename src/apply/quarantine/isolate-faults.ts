import { partText } from "../../catalog/part.ts";
import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import { AppError } from "../../errors.ts";
import { blameOutput } from "../../template/provenance/blame.ts";
import { createLineFinder } from "../../template/provenance/line-finder.ts";
import type { BlameOptions } from "../../template/provenance/trace-render.ts";
import type { Output } from "../../template/render/render-files.ts";
import { type Rendered, renderProxy, type Waiting } from "../../template/render/render-proxy.ts";
import {
  type AnswersInForce,
  createAnswersInForce,
  type InForceParts,
  type RenderAnswers,
} from "../in-force/answers-in-force.ts";
import type { ProxyDriver } from "../proxy-driver.ts";
import { findCulprits } from "./find-culprits.ts";
import {
  checkVerdict,
  judgeCandidate,
  judgeRender,
  type RefusedCheck,
  reasonOf,
  renderVerdict,
} from "./judge-candidate.ts";
import {
  createQuarantine,
  type Quarantine,
  type Quarantined,
  type Released,
} from "./quarantine.ts";
import { createFaultRecorder, type IsolatedFault } from "./record-faults.ts";
import { suspectsIn } from "./suspects.ts";
import type { CulpritsFound, Refusal, Verdict } from "./verdict.ts";

/** Keeps faults of single parts of the catalog from the rest of one proxy's renders. */
export interface FaultIsolation {
  readonly quarantine: Pick<Quarantine, "nextTryAtMs" | "queries">;
  /** The parts in quarantine. */
  list(): readonly (Quarantined & { readonly isPinned: boolean })[];
  readonly inForce: AnswersInForce;
  /** Lets parts out of quarantine whose data changed, or whose next try is due. */
  release(newest: Snapshot): readonly Released[];
  /**
   * Renders what is usable of the newest answers, and puts what is not into quarantine.
   *
   * @throws {AppError} TEMPLATE when the fault is the template's
   */
  render(newest: Snapshot, options: RenderWith): Promise<IsolatedRender>;
  /**
   * Puts the parts into quarantine whose data made the proxy's check refuse. Returns them, or `undefined` when the fault is
   * no part's. Without them the check accepts the rest.
   */
  isolate(refused: RefusedCandidate): Promise<readonly IsolatedFault[] | undefined>;
  /** Notes that what was rendered from these answers is live. */
  wentLive(answers: RenderAnswers, rendered: Pick<Rendered, "asked" | "removed">): void;
  /** Lets everything out of quarantine, for other templates. */
  clear(): void;
}

/** What a render is made with, beside the answers. */
export interface RenderWith {
  readonly from: RenderFrom;
  /** Whether what was lost is kept. */
  readonly isHeld: boolean;
  /** Whether the template may be at fault: it is not the one of what is live. */
  readonly mayBeTemplate: boolean;
  /** How long a search for culprits may take, in milliseconds; what was not tried by then is left out for now. */
  readonly searchMs?: number;
  /** Queries that the source fails to answer, by canonical text. */
  readonly isFailing: (text: string) => boolean;
  /** Why the outputs may not be written. */
  readonly refuse?: (
    outputs: readonly Output[],
  ) => (AppError & { readonly path: string }) | undefined;
}

export type RenderFrom = Omit<BlameOptions, "snapshot" | "leftOut" | "asked">;

/** A render, the answers that it was made from, and what it newly had to do without. */
export interface IsolatedRender {
  readonly rendered: Rendered | Waiting;
  readonly answers: RenderAnswers;
  readonly faults: readonly IsolatedFault[];
}

/** A candidate that the proxy's check refused. */
interface RefusedCandidate extends RenderWith {
  readonly refusal: RefusedCheck;
  readonly newest: Snapshot;
  readonly answers: RenderAnswers;
  readonly asked: ReadonlyMap<string, Query>;
  readonly driver: Pick<ProxyDriver, "check">;
  /** Stage there instead of beside the live files. */
  readonly directory?: string;
  readonly signal: AbortSignal;
}

/** How long a search for culprits may take before what it knows goes live, and is gone on with. */
const SEARCH_MS = 5_000;

/** @param options.now a monotonic clock in milliseconds */
export function createFaultIsolation({
  now,
  earlier = () => undefined,
  lingerMs = 0,
  lingered = [],
  hasMinimum = () => false,
}: Partial<Omit<InForceParts, "quarantine">> & { readonly now: () => number }): FaultIsolation {
  const quarantine = createQuarantine();
  const inForce = createAnswersInForce({ quarantine, earlier, lingerMs, lingered, hasMinimum });
  const recorder = createFaultRecorder({ quarantine, inForce, now });

  return {
    quarantine,
    inForce,
    list: () =>
      quarantine.list().map((it) => ({ ...it, isPinned: recorder.hasOlder(partText(it.part)) })),
    release: (newest) => quarantine.release(newest, now()),
    wentLive(answers, rendered) {
      inForce.wentLive(answers, rendered);
      quarantine.tryUntried(now());
    },
    clear() {
      quarantine.clear();
      inForce.clear();
    },
    async render(newest, options) {
      const faults: IsolatedFault[] = [];
      for (;;) {
        const answers = answersFor(newest, options);
        const asked = new Map<string, Query>();
        const from = sourceOf(answers, options.from);
        try {
          const rendered = renderProxy(from.templates, answers, { ...from, asked });
          const refused =
            rendered.kind === "rendered" ? options.refuse?.(rendered.outputs) : undefined;
          if (refused === undefined) return { rendered, answers, faults };
          faults.push(...isolateOutput(refused, { newest, from, asked }));
        } catch (error) {
          if (!(error instanceof AppError) || error.code !== "TEMPLATE") throw error;
          faults.push(...(await isolateRender(error, { newest, answers, asked, ...options })));
        }
      }
    },
    async isolate(refused) {
      const { newest, answers, asked, driver, directory, signal } = refused;
      const lines = createLineFinder();
      const parts = {
        from: refused.from,
        driver,
        signal,
        lines,
        ...(directory === undefined ? {} : { directory }),
      };
      const found = await search(refused, {
        first: checkVerdict(refused.refusal, (at) =>
          lines.find(at, sourceOf(answers, refused.from)),
        ),
        judge: (without) =>
          judgeCandidate(answersFor(newest, refused, without), { ...parts, without }),
      });
      return found && recorder.recordFound(found, { newest, asked, byCheck: true });
    },
  };

  function answersFor(
    newest: Snapshot,
    { isHeld, isFailing }: Pick<RenderWith, "isHeld" | "isFailing">,
    without?: ReadonlySet<string>,
  ): RenderAnswers {
    const more = without === undefined ? {} : { without };
    return inForce.effective(newest, { isHeld, isFailing, ...more });
  }

  /** @throws {AppError} TEMPLATE when the fault is the template's */
  async function isolateRender(
    error: AppError,
    at: RenderWith & Pick<RefusedCandidate, "newest" | "answers" | "asked">,
  ): Promise<readonly IsolatedFault[]> {
    const { newest, answers, mayBeTemplate } = at;
    const asked = new Map(at.asked);
    const from = { ...sourceOf(answers, at.from), asked };
    const first = renderVerdict(error, from);
    if (mayBeTemplate && first.named.length === 0) throw error;
    const found = await search(
      { ...at, asked },
      {
        first,
        async judge(without) {
          const verdict = judgeRender(sourceOf(answersFor(newest, at, without), at.from));
          // A render that waits for answers, such as those about a service that has just come, is not at fault.
          return "isOk" in verdict ? verdict : { isOk: true };
        },
      },
    );
    const faults = found && recorder.recordFound(found, { newest, asked, byCheck: false });
    if (faults === undefined) throw reasonOf(first, error);
    return faults;
  }

  async function search(
    {
      newest,
      asked,
      mayBeTemplate,
      searchMs = SEARCH_MS,
    }: Pick<RefusedCandidate, "newest" | "asked" | "mayBeTemplate" | "searchMs">,
    by: {
      readonly first: Refusal;
      readonly judge: (without: ReadonlySet<string>) => Promise<Verdict>;
    },
  ): Promise<CulpritsFound | undefined> {
    const startMs = now();
    const news = suspectsIn(newest, asked.values(), { inForce, isOut: recorder.isOut });
    // Where nothing is new, something outside of the catalog changed, such as DNS.
    const suspects =
      news.length > 0 || mayBeTemplate
        ? news
        : suspectsIn(newest, asked.values(), {
            inForce: { ...inForce, has: () => false },
            isOut: recorder.isOut,
          });
    const isOver = () => now() - startMs >= searchMs;
    return await findCulprits({ ...by, suspects, isOver, mayBeTemplate });
  }

  function isolateOutput(
    refused: AppError & { readonly path: string },
    {
      newest,
      from,
      asked,
    }: Pick<RefusedCandidate, "newest" | "asked"> & {
      readonly from: BlameOptions;
    },
  ): readonly IsolatedFault[] {
    const part = blameOutput(refused.path, from);
    if (part === undefined) throw refused;
    const fault = { part, reason: refused.message, hint: refused.hint };
    return recorder.record([fault], { newest, asked, byCheck: true, isUntried: false });
  }
}

/** What renders and their traces are made with. */
export const sourceOf = (answers: RenderAnswers, from: RenderFrom): BlameOptions => ({
  ...from,
  snapshot: answers,
  leftOut: answers.leftOut,
});
