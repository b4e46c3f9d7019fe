import { AppError } from "../errors.ts";
import type { Output } from "../template/render-files.ts";
import type { Outcome, Plan, Timings } from "./generation-outcome.ts";
import type { CheckResult, Generation, Proof, ProxyDriver } from "./proxy-driver.ts";
import { type StagedFile, stage, syncStaged, unstage } from "./stage.ts";
import { type Swapped, swap } from "./swap.ts";

/** What {@link applyGeneration} works on. */
export interface Attempt {
  readonly driver: ProxyDriver;
  readonly plan: Plan;
  readonly outputs: readonly Output[];
  /** What was live before; its files come back when the new one fails. */
  readonly previous: (Generation & { readonly proof: Proof }) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Makes a generation live: stage → check → swap → reload → prove. When the reload or its proof fails, the
 * previous files come back and the proxy is put back on them. Files that are in place already, such as
 * those that a proxy missed while it was down, are only reloaded and proved, if it does not serve them.
 *
 * @throws the signal's reason, once aborted, and whatever is a bug. An {@link AppError} is an outcome.
 */
export async function applyGeneration(attempt: Attempt): Promise<Outcome> {
  const clock = createStopwatch();
  if (attempt.plan.isInPlace) return await reapply(attempt, clock);
  const { driver, plan, outputs, signal } = attempt;
  let staged: readonly StagedFile[] = [];
  try {
    staged = await clock.time("stage", () => stage(outputs));
    const candidate = { files: staged, removed: plan.removed };
    const verdict = await clock.time("check", () =>
      checked(driver.check(candidate, signal), staged),
    );
    if (!verdict.ok) {
      const { ok: _, ...refusal } = verdict;
      return { fate: "refused", ...refusal, timings: clock.timings() };
    }
    const swapped = await clock.time("swap", () => swap(staged, plan.removed));
    return await goLive(attempt, clock, swapped);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return {
      fate: "failed",
      error,
      inPlace: "untouched",
      isServed: false,
      timings: clock.timings(),
    };
  } finally {
    await unstage(staged);
  }
}

/** The files reach the disk while they are checked. */
async function checked(
  verdict: Promise<CheckResult>,
  staged: readonly StagedFile[],
): Promise<CheckResult> {
  const [result] = await Promise.all([verdict, syncStaged(staged)]);
  return result;
}

async function reapply(
  { driver, plan, previous, signal }: Attempt,
  clock: Stopwatch,
): Promise<Outcome> {
  const { generation } = plan;
  const lastProof = previous?.id === generation.id ? previous.proof : undefined;
  try {
    if (await driver.serves(generation, lastProof, signal)) {
      const proof = lastProof ?? {
        evidence: "it loaded these files when it started",
        identity: "",
      };
      return { fate: "live", proof, wasLive: true, timings: clock.timings() };
    }
    const proof = await reloadAndProve({ driver, generation, signal }, clock);
    return { fate: "live", proof, wasLive: false, timings: clock.timings() };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { fate: "failed", error, inPlace: "new", isServed: false, timings: clock.timings() };
  }
}

async function goLive(attempt: Attempt, clock: Stopwatch, swapped: Swapped): Promise<Outcome> {
  try {
    const { driver, plan, signal } = attempt;
    // The disk may take its time beside the reload: what it holds meanwhile is whole, and was checked.
    const durable = swapped.durable();
    durable.catch(() => undefined); // it is awaited below, after the reload is over
    const proof = await reloadAndProve({ driver, generation: plan.generation, signal }, clock);
    await durable;
    return { fate: "live", proof, wasLive: false, timings: clock.timings() };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Nothing runs that could serve either: the new files passed the check, and are what it shall start with.
    if (error.code === "PROXY_DOWN") {
      return { fate: "failed", error, inPlace: "new", isServed: false, timings: clock.timings() };
    }
    const isServed = await clock.time("restore", () => restore(attempt, swapped));
    return { fate: "failed", error, inPlace: "previous", isServed, timings: clock.timings() };
  }
}

async function reloadAndProve(
  {
    driver,
    generation,
    signal,
  }: Pick<Attempt, "driver" | "signal"> & { readonly generation: Generation },
  clock: Stopwatch,
): Promise<Proof> {
  await clock.time("reload", () => driver.reload(generation, signal));
  return await clock.time("prove", () => driver.prove(generation, signal));
}

/** @returns whether the proxy was proved to serve the previous files again */
async function restore({ driver, previous, signal }: Attempt, { undo }: Swapped): Promise<boolean> {
  try {
    await undo();
    if (previous === undefined) return false;
    await driver.reload(previous, signal);
    await driver.prove(previous, signal);
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return false;
  }
}

type Stopwatch = ReturnType<typeof createStopwatch>;

function createStopwatch() {
  const timings: Record<string, number> = {};
  return {
    timings: (): Timings => ({ ...timings }),
    async time<T>(step: string, work: () => Promise<T>): Promise<T> {
      const start = performance.now();
      try {
        return await work();
      } finally {
        timings[`${step}Ms`] = Math.round(performance.now() - start);
      }
    },
  };
}
