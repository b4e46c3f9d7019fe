import type { Clock } from "../../src/source/consul/clock.ts";

/** A clock that moves only when a test advances it. */
export interface SteppedClock extends Clock {
  /** Lets time pass, and does what is due meanwhile. */
  advance(ms: number): void;
  /** The same, and lets what waited for it go on. */
  pass(ms: number): Promise<void>;
}

export function steppedClock(): SteppedClock {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly work: () => void }>();
  const advance = (ms: number): void => {
    const untilMs = nowMs + ms;
    for (;;) {
      const due = [...timers].filter(({ atMs }) => atMs <= untilMs);
      if (due.length === 0) break;
      for (const timer of due.toSorted((a, b) => a.atMs - b.atMs)) {
        if (!timers.delete(timer)) continue;
        nowMs = Math.max(nowMs, timer.atMs);
        timer.work();
      }
    }
    nowMs = untilMs;
  };
  return {
    now: () => nowMs,
    after(ms, work) {
      const timer = { atMs: nowMs + ms, work };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance,
    async pass(ms) {
      advance(ms);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
