/** Lets a limited number of tasks run at the same time; the others wait in the order in which they came. */
export interface Semaphore {
  /** Runs a task in a slot. @throws the signal's reason when it aborts before there is a slot, else what the task throws. */
  run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T>;
  /** Changes the number of slots. Tasks that run go on. */
  resize(slots: number): void;
  slots(): number;
}

/** @param slots how many tasks may run at the same time, at least 1 */
export function createSemaphore(slots: number): Semaphore {
  const waiting = new Set<() => void>();
  let most = slots;
  let running = 0;

  return {
    slots: () => most,
    resize(to) {
      most = to;
      startNext();
    },
    async run(signal, task) {
      await acquire(signal);
      try {
        return await task();
      } finally {
        running -= 1;
        startNext();
      }
    },
  };

  function startNext(): void {
    for (const start of waiting) {
      if (running >= most) return;
      start();
    }
  }

  function acquire(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const start = () => {
        leave();
        running += 1;
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
      if (running < most) return start();
      waiting.add(start);
      signal.addEventListener("abort", abort, { once: true });
    });
  }
}
