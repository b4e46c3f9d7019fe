/** Times in milliseconds of one monotonic clock. */
export interface Pending {
  readonly firstChangeMs: number;
  readonly lastChangeMs: number;
  /** When the last apply began; `-Infinity` before the first. */
  readonly lastApplyMs: number;
}

/**
 * When a pending change is to be applied. Pure.
 *
 * A lone change is applied at once. After an apply, changes are joined: until nothing changed for `quiet`,
 * but no longer than `max` after the first of them, and not before `minInterval` after that apply.
 */
export function applyAtMs(
  pending: Pending,
  settle: { readonly quiet: number; readonly max: number; readonly minInterval: number },
): number {
  const { firstChangeMs, lastChangeMs, lastApplyMs } = pending;
  const rested = lastApplyMs + settle.minInterval;
  if (firstChangeMs >= rested) return firstChangeMs;
  return Math.max(rested, Math.min(lastChangeMs + settle.quiet, firstChangeMs + settle.max));
}
