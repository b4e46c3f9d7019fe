import { type Backoff, backoffMs } from "../../backoff.ts";
import { applyAtMs } from "./settle.ts";

/** Decides when one proxy is brought up to date: after changes, settled, and again after failures. */
export interface Schedule {
  /** Notes that something changed. */
  changed(): void;
  /**
   * Resolves when there is something to do and its time has come, and takes what is pending: changes noted
   * from then on are due again.
   *
   * @param alsoAtMs a further time to wake up at, in the schedule's clock. One that was over when this resolved last, and so
   * did not change by what was done then, is due in half a second: else nothing but that would ever be done.
   * @throws the signal's reason, once aborted
   */
  due(signal: AbortSignal, alsoAtMs: number | undefined): Promise<void>;
  /** Whether changes wait whose time has come. */
  isChangeDue(): boolean;
  /** Notes that an apply begins now: the next ones keep their distance. */
  applying(): void;
  /** Notes that an apply went well. */
  succeeded(): void;
  /** Notes that an apply failed: it is due again after a while, though nothing changes. Returns that while in milliseconds. */
  failed(options: { readonly soon: boolean }): number;
}

const UNHEEDED_MS = 500;
/** Pauses before a generation that did not go live is tried again. */
const APPLY_BACKOFF: Backoff = { firstMs: 1_000, longestMs: 60_000, spread: 0.1 };

/** @param clock.now a monotonic clock in milliseconds */
export function createSchedule(
  settle: { readonly quiet: number; readonly max: number; readonly minInterval: number },
  clock: { readonly now: () => number; readonly random: () => number },
): Schedule {
  let pending: { readonly firstMs: number; readonly lastMs: number } | undefined;
  let lastApplyMs = Number.NEGATIVE_INFINITY;
  let retryAtMs = Number.POSITIVE_INFINITY;
  let failures = 0;
  let lastDueMs = Number.NEGATIVE_INFINITY;
  let wake: () => void = () => undefined;

  return {
    changed() {
      const nowMs = clock.now();
      pending = { firstMs: pending?.firstMs ?? nowMs, lastMs: nowMs };
      wake();
    },
    async due(signal, alsoAtMs = Number.POSITIVE_INFINITY) {
      const otherMs = alsoAtMs <= lastDueMs ? lastDueMs + UNHEEDED_MS : alsoAtMs;
      for (;;) {
        signal.throwIfAborted();
        const atMs = Math.min(changeDueAtMs(), retryAtMs, otherMs);
        if (atMs <= clock.now()) break;
        await wakeOrTime(signal, atMs);
      }
      lastDueMs = clock.now();
      pending = undefined;
      retryAtMs = Number.POSITIVE_INFINITY;
    },
    isChangeDue: () => changeDueAtMs() <= clock.now(),
    applying() {
      lastApplyMs = clock.now();
    },
    succeeded() {
      failures = 0;
    },
    failed({ soon }) {
      failures += 1;
      const afterMs = backoffMs(APPLY_BACKOFF, soon ? 1 : failures, clock.random());
      retryAtMs = clock.now() + afterMs;
      return Math.round(afterMs);
    },
  };

  function changeDueAtMs(): number {
    if (pending === undefined) return Number.POSITIVE_INFINITY;
    const { firstMs, lastMs } = pending;
    return applyAtMs({ firstChangeMs: firstMs, lastChangeMs: lastMs, lastApplyMs }, settle);
  }

  function wakeOrTime(signal: AbortSignal, atMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = Number.isFinite(atMs)
        ? setTimeout(() => end(resolve), Math.max(1, atMs - clock.now()))
        : undefined;
      const abort = () => end(() => reject(signal.reason));
      const end = (settleWith: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        wake = () => undefined;
        settleWith();
      };
      wake = () => end(resolve);
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}
