/** Spaces applies while many workers of earlier generations still serve their last connections. */
export interface DrainLimit {
  /**
   * Whether an apply may go on now, with `draining` old workers. If not, {@link DrainLimit.retryAtMs} is when
   * to ask again. After 10 s of waiting it may in any case: old routes must not stay for the sake of memory.
   */
  admits(draining: number, nowMs: number): boolean;
  retryAtMs(): number | undefined;
  /** Nothing waits any more. */
  forget(): void;
}

const LONGEST_MS = 10_000;
const RETRY_MS = 250;

/** @param maxDraining from this many old workers on applies wait */
export function createDrainLimit(maxDraining: number): DrainLimit {
  let sinceMs: number | undefined;
  let againAtMs: number | undefined;
  return {
    admits(draining, nowMs) {
      sinceMs ??= nowMs;
      const isAdmitted = draining < maxDraining || nowMs - sinceMs >= LONGEST_MS;
      againAtMs = isAdmitted ? undefined : nowMs + RETRY_MS;
      if (isAdmitted) sinceMs = undefined;
      return isAdmitted;
    },
    retryAtMs: () => againAtMs,
    forget() {
      sinceMs = undefined;
      againAtMs = undefined;
    },
  };
}
