const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * How long to wait before a generation that did not go live is tried again, in milliseconds: 1 s, doubling
 * to at most 60 s, each spread by ± 10 %.
 *
 * @param failures attempts that failed in a row, at least 1
 * @param random   a number from 0 up to 1
 */
export function applyRetryDelayMs(failures: number, random: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)) * (0.9 + random / 5);
}
