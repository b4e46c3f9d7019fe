const FIRST_MS = 100;
const LONGEST_MS = 3_000;

/**
 * How long to wait before attempt number `failures + 1`, in milliseconds.
 *
 * Doubles from 100 ms to at most 3 s, each spread by ± 25 % so that many queries do not retry as one.
 *
 * @param failures attempts that failed in a row, at least 1
 * @param random   a number from 0 up to 1
 */
export function retryDelayMs(failures: number, random: number): number {
  const base = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 16));
  return Math.round(base * (0.75 + random / 2));
}
