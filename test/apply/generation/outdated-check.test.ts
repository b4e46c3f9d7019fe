import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { abandonWhenOutdated } from "../../../src/apply/generation/outdated-check.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a check of more than 2 s is given up once newer changes are due, and not before", ({
  signal,
}) => {
  const state = { isDue: true };
  const check = abandonWhenOutdated(() => state.isDue, signal);
  vi.advanceTimersByTime(1_900);
  expect(check.signal.aborted).toBe(false);
  state.isDue = false;
  vi.advanceTimersByTime(60_000);
  expect(check.signal.aborted).toBe(false);
  state.isDue = true;
  vi.advanceTimersByTime(100);
  expect(check.signal.aborted).toBe(true);
  expect(check.isOutdated()).toBe(true);
  check.stop();
  expect(vi.getTimerCount()).toBe(0);
});

test("ends with everything else, and is not outdated then", () => {
  const ending = new AbortController();
  const check = abandonWhenOutdated(() => true, ending.signal);
  ending.abort(new Error("asked to end"));
  expect(check.signal.reason).toBe(ending.signal.reason);
  expect(check.isOutdated()).toBe(false);
  check.stop();
});
