/** Lets at most a fixed number of tasks run at once; the others wait in the order in which they came. */
export interface Turns {
  /** @throws the signal's reason when it aborts before the task's turn, else what the task throws. */
  run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T>;
}

/** @param atOnce how many tasks may run at once, at least 1 */
export function createTurns(atOnce: number): Turns {
  const waiting = new Set<() => void>();
  let free = atOnce;

  return {
    async run(signal, task) {
      await turn(signal);
      try {
        return await task();
      } finally {
        free += 1;
        const [next] = waiting;
        next?.();
      }
    },
  };

  function turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const start = () => {
        leave();
        free -= 1;
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason);
      };
      const leave = () => {
        waiting.delete(start);
        signal.removeEventListener("abort", abort);
      };
      if (free > 0) return start();
      waiting.add(start);
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}
