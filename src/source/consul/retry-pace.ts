import type { Clock } from "./clock.ts";

/** Paces the retries of all queries together, so that they do not hit a Consul that comes back all at once. */
export interface RetryPace {
  /**
   * Resolves after `ms` or longer: at most 20 retries a second resolve. Or sooner, when it is woken.
   *
   * @throws the signal's reason
   */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** Ends the pause of the two retries that wait the longest. */
  wakeTwo(): void;
  /** Nothing fails any more: the next retry has no other to keep a distance from. */
  reset(): void;
}

/** Least time between two retries, over all queries. */
const INTERVAL_MS = 50;

export function createRetryPace(clock: Clock): RetryPace {
  const sleepers = new Set<() => void>();
  let nextFreeMs = 0;
  return {
    pause: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const freeInMs = takeNextFree();
        const done = (how: () => void) => {
          cancel();
          sleepers.delete(wake);
          signal.removeEventListener("abort", abort);
          how();
        };
        const wake = () => done(resolve);
        const abort = () => done(() => reject(signal.reason));
        const cancel = clock.after(Math.max(ms, freeInMs), wake);
        sleepers.add(wake);
        signal.addEventListener("abort", abort, { once: true });
      }),
    wakeTwo() {
      for (const wake of [...sleepers].slice(0, 2)) wake();
    },
    reset() {
      nextFreeMs = 0;
    },
  };

  /** Takes the next free moment among all retries. Returns how long it is until then. */
  function takeNextFree(): number {
    const nowMs = clock.now();
    const freeMs = Math.max(nowMs, nextFreeMs);
    nextFreeMs = freeMs + INTERVAL_MS;
    return freeMs - nowMs;
  }
}
