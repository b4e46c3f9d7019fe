/** How the pauses between attempts grow. */
export interface Backoff {
  /** The pause after the first failure. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Share by which a pause is made longer or shorter at random, so that many retries do not come as one: 0.25 is ± 25 %. */
  readonly spread: number;
}

/**
 * How long to wait before the next attempt, in milliseconds. Doubles with each failure. Pure.
 *
 * @param failures attempts that failed in a row, at least 1
 * @param random   a number from 0 up to 1
 */
export function backoffMs(
  { firstMs, longestMs, spread }: Backoff,
  failures: number,
  random: number,
): number {
  const baseMs = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(baseMs * (1 - spread + 2 * spread * random));
}
