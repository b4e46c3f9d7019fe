/** Which bells work, and what is to be done when that changes. */
export interface WatchStates {
  answered(bell: string, options: { readonly isAnew: boolean }): void;
  failed(bell: string): void;
  /** Whether all of them work. */
  areWell(): boolean;
  /** Whether each has said something, and at least one works: then there is reason to read services. */
  areReady(): boolean;
}

/**
 * @param onLostHistory told when Consul may have lost its history, once all bells work again or a moment after
 * the first of them: what was read before does not count any more
 */
export function createWatchStates(
  bells: readonly string[],
  {
    onLostHistory,
    after,
  }: {
    readonly onLostHistory: () => void;
    readonly after: (ms: number, work: () => void) => void;
  },
): WatchStates {
  const states = new Map<string, "silent" | "well" | "failing">(bells.map((it) => [it, "silent"]));
  let isLost = false;

  return {
    areWell,
    areReady: () => {
      const all = [...states.values()];
      return !all.includes("silent") && all.includes("well");
    },
    failed: (bell) => void states.set(bell, "failing"),
    answered(bell, { isAnew }) {
      const isFirst = states.get(bell) === "silent";
      states.set(bell, "well");
      if (!isAnew || isFirst) return;
      if (!isLost) after(TOGETHER_MS, told);
      isLost = true;
      if (areWell()) told();
    },
  };

  function areWell(): boolean {
    return [...states.values()].every((state) => state === "well");
  }

  function told(): void {
    if (!isLost) return;
    isLost = false;
    onLostHistory();
  }
}

/** How long the first bell that works again waits for the others. */
const TOGETHER_MS = 250;
