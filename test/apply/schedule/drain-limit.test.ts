import { expect, test } from "vitest";
import { createDrainLimit } from "../../../src/apply/schedule/drain-limit.ts";

test("applies wait while too many old workers drain, go on when one ended, and after 10 s in any case", () => {
  const crowd = createDrainLimit(3);
  expect(crowd.admits(2, 0)).toBe(true);
  expect(crowd.retryAtMs()).toBeUndefined();
  expect(crowd.admits(3, 1_000)).toBe(false);
  expect(crowd.retryAtMs()).toBe(1_250);
  expect(crowd.admits(2, 1_250)).toBe(true);
  expect(crowd.retryAtMs()).toBeUndefined();
  expect(crowd.admits(4, 2_000)).toBe(false);
  expect(crowd.admits(4, 11_999)).toBe(false);
  expect(crowd.admits(4, 12_000)).toBe(true);
  expect(crowd.admits(4, 12_001)).toBe(false);
});
