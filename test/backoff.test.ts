import { expect, test } from "vitest";
import { backoffMs } from "../src/backoff.ts";

const BACKOFF = { firstMs: 100, longestMs: 3_000, spread: 0.25 };

test("backoffMs() doubles up to the longest pause, spread at random", () => {
  expect([1, 2, 3, 6, 20, 2_000].map((failures) => backoffMs(BACKOFF, failures, 0.5))).toEqual([
    100, 200, 400, 3_000, 3_000, 3_000,
  ]);
  expect([0, 1].map((random) => backoffMs(BACKOFF, 20, random))).toEqual([2_250, 3_750]);
});
