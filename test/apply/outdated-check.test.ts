import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { abandonWhenOutdated } from "../../src/apply/outdated-check.ts";

test("a long check is given up once newer changes are due, and not before", async ({ signal }) => {
  const state = { isDue: true };
  const early = abandonWhenOutdated(() => state.isDue, signal);
  await sleep(300);
  expect(early.signal.aborted).toBe(false);
  state.isDue = false;
  await sleep(2_000);
  expect(early.signal.aborted).toBe(false);
  state.isDue = true;
  await new Promise((resolve) => early.signal.addEventListener("abort", resolve));
  expect(early.isOutdated()).toBe(true);
  early.stop();
});

test("ends with everything else, and is not outdated then", () => {
  const ending = new AbortController();
  const check = abandonWhenOutdated(() => true, ending.signal);
  ending.abort(new Error("asked to end"));
  expect(check.signal.reason).toBe(ending.signal.reason);
  expect(check.isOutdated()).toBe(false);
  check.stop();
});
