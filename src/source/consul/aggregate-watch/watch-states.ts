/** Which list watches work, and what follows when that changes. */
export interface WatchStates {
  answered(watch: string, options: { readonly startsOver: boolean }): void;
  failed(watch: string): void;
  /** Whether all of them answer. */
  areHealthy(): boolean;
  /** Whether each has answered or failed, and at least one answers: then services can be read. */
  areReady(): boolean;
}

/** How long the first watch that answers again waits for the others. */
const TOGETHER_MS = 250;

/**
 * @param onIndexReset called when Consul may have lost its history, once all watches answer again or a moment after the
 * first one: what was read before no longer counts
 */
export function createWatchStates(
  watches: readonly string[],
  {
    onIndexReset,
    after,
  }: {
    readonly onIndexReset: () => void;
    readonly after: (ms: number, work: () => void) => void;
  },
): WatchStates {
  const states = new Map<string, "silent" | "healthy" | "failing">(
    watches.map((it) => [it, "silent"]),
  );
  let isReset = false;

  return {
    areHealthy,
    areReady: () => {
      const all = [...states.values()];
      return !all.includes("silent") && all.includes("healthy");
    },
    failed: (watch) => void states.set(watch, "failing"),
    answered(watch, { startsOver }) {
      const isFirst = states.get(watch) === "silent";
      states.set(watch, "healthy");
      if (!startsOver || isFirst) return;
      if (!isReset) after(TOGETHER_MS, report);
      isReset = true;
      if (areHealthy()) report();
    },
  };

  function areHealthy(): boolean {
    return [...states.values()].every((state) => state === "healthy");
  }

  function report(): void {
    if (!isReset) return;
    isReset = false;
    onIndexReset();
  }
}
