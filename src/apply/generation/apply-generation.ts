import { AppError } from "../../errors.ts";
import type { Output } from "../../template/render/render-files.ts";
import type { GenerationResult, Plan, Previous } from "../generation-result.ts";
import type { CheckResult, ProxyDriver } from "../proxy-driver.ts";
import { type Change, type ChangedOutput, planChanges } from "../swap/changes.ts";
import { candidateFiles, stageChanges, stageError } from "../swap/stage.ts";
import { readySwap, swap } from "../swap/swap.ts";
import type { SwapJournal } from "../swap/swap-journal.ts";
import { goLive, reloadAndProve } from "./go-live.ts";
import { createStopwatch, type Stopwatch } from "./stopwatch.ts";

/** What {@link applyGeneration} works on. */
export interface Attempt {
  readonly driver: ProxyDriver;
  readonly plan: Plan;
  readonly outputs: readonly Output[];
  /** What was in place before; its files come back when the new one fails. */
  readonly previous: Previous | undefined;
  readonly journal: SwapJournal;
  readonly signal: AbortSignal;
  /** Comes after the check, before any file is replaced. @throws {AppError} SWAP: then nothing is */
  readonly prepare?: (() => void) | undefined;
  /** Ends the check alone, before anything was changed. */
  readonly checkSignal?: AbortSignal;
}

/**
 * Makes a generation live: stage → check → swap → reload → prove. When the reload or its proof fails, the
 * previous files come back and the proxy is put back on them. Files that are in place already, such as
 * those that a proxy missed while it was down, are only reloaded and proved, if it does not serve them.
 *
 * The journal's entry is left open: the caller ends it when it has recorded the result.
 *
 * @throws the reason of a signal, once aborted, and whatever is a bug. An {@link AppError} is an result.
 */
export async function applyGeneration(attempt: Attempt): Promise<GenerationResult> {
  const clock = createStopwatch();
  if (attempt.plan.isInPlace) return await reapply(attempt, clock);
  const { driver, plan, outputs, journal, signal, checkSignal = signal } = attempt;
  let isSwapped = false;
  try {
    const { changed, changes } = await clock.time("stage", async () => stage(attempt));
    const candidate = { files: candidateFiles(outputs, changed), removed: plan.removed };
    const verdict = await clock.time("check", () =>
      besideEachOther(driver.check(candidate, checkSignal), readySwap(changes, journal)),
    );
    if (!verdict.ok) {
      const { ok: _, ...refusal } = verdict;
      return { kind: "refused", ...refusal, timings: clock.timings() };
    }
    signal.throwIfAborted();
    attempt.prepare?.();
    isSwapped = true;
    const swapped = await clock.time("swap", () => swap(changes, journal));
    return await goLive({ ...attempt, generation: plan.generation }, clock, swapped);
  } catch (error) {
    // Once files were exchanged the entry stays: the next attempt, or the next start, finishes it.
    if (!isSwapped && !plan.owesReload) journal.end();
    if (!(error instanceof AppError)) throw error;
    const inPlace = error.code === "UNDO" ? "mixed" : "untouched";
    return { kind: "failed", error, inPlace, isServed: false, timings: clock.timings() };
  }
}

/** From here on there is something to clean up, and the journal knows of it beforehand. */
function stage({ plan, outputs, journal }: Attempt): {
  readonly changed: readonly ChangedOutput[];
  readonly changes: readonly Change[];
} {
  const planned = plannedChanges(outputs, plan.removed);
  journal.begin({ generation: plan.generation, changes: planned.changes });
  stageChanges(planned.changed);
  return planned;
}

function plannedChanges(outputs: readonly Output[], removed: readonly string[]) {
  try {
    return planChanges(outputs, removed);
  } catch (cause) {
    throw stageError(cause);
  }
}

/** What must be on the disk before the swap gets there while the files are checked. */
async function besideEachOther(
  check: Promise<CheckResult>,
  ready: Promise<void>,
): Promise<CheckResult> {
  const [verdict, readiness] = await Promise.allSettled([check, ready]);
  if (readiness.status === "rejected") throw readiness.reason;
  if (verdict.status === "rejected") throw verdict.reason;
  return verdict.value;
}

async function reapply(
  { driver, plan, previous, signal }: Attempt,
  clock: Stopwatch,
): Promise<GenerationResult> {
  const { generation } = plan;
  const lastProof = previous?.id === generation.id ? previous.proof : undefined;
  try {
    if (!plan.owesReload && (await driver.serves(generation, lastProof, signal))) {
      const proof = lastProof ?? {
        evidence: "it loaded these files when it started",
        identity: "",
      };
      return { kind: "live", proof, wasLive: true, timings: clock.timings() };
    }
    const proof = await reloadAndProve({ driver, generation, signal }, clock);
    return { kind: "live", proof, wasLive: false, timings: clock.timings() };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: "failed", error, inPlace: "new", isServed: false, timings: clock.timings() };
  }
}
