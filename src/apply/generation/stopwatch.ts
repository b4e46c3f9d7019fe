import type { Timings } from "../generation-result.ts";

/** Times the steps of an attempt. */
export interface Stopwatch {
  time<T>(step: string, work: () => Promise<T>): Promise<T>;
  /** Whole milliseconds by `stepMs`. */
  timings(): Timings;
}

export function createStopwatch(): Stopwatch {
  const timings: Record<string, number> = {};
  return {
    timings: () => ({ ...timings }),
    async time(step, work) {
      const start = performance.now();
      try {
        return await work();
      } finally {
        timings[`${step}Ms`] = Math.round(performance.now() - start);
      }
    },
  };
}
