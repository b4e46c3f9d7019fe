import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createReconcileLoop } from "../../../src/apply/loop/reconcile-loop.ts";
import { createSchedule } from "../../../src/apply/schedule/schedule.ts";
import { applyAtMs } from "../../../src/apply/schedule/settle.ts";

const SETTLE = { quiet: 100, max: 2_000, minInterval: 1_000 };

describe("applyAtMs()", () => {
  test.each([
    ["a lone change at once", { firstChangeMs: 5_000, lastChangeMs: 5_000, lastApplyMs: 0 }, 5_000],
    [
      "the first change ever at once",
      { firstChangeMs: 1, lastChangeMs: 1, lastApplyMs: -Infinity },
      1,
    ],
    [
      "a burst after an apply when its distance is kept",
      { firstChangeMs: 100, lastChangeMs: 300, lastApplyMs: 0 },
      1_000,
    ],
    [
      "a burst once it is quiet",
      { firstChangeMs: 100, lastChangeMs: 1_500, lastApplyMs: 0 },
      1_600,
    ],
    [
      "a burst without end after the most it may wait",
      { firstChangeMs: 100, lastChangeMs: 2_090, lastApplyMs: 0 },
      2_100,
    ],
  ])("%s", (_, pending, expected) => {
    expect(applyAtMs(pending, SETTLE)).toBe(expected);
  });

  test("a storm of changes for 10 s is applied at most 12 times, its last change too", () => {
    const applies: number[] = [];
    let pending: { first: number; last: number } | undefined;
    for (let now = 0; now <= 12_000; now += 1) {
      if (now <= 10_000 && now % 10 === 0) pending = { first: pending?.first ?? now, last: now };
      if (pending === undefined) continue;
      const times = {
        firstChangeMs: pending.first,
        lastChangeMs: pending.last,
        lastApplyMs: applies.at(-1) ?? -Infinity,
      };
      if (applyAtMs(times, SETTLE) > now) continue;
      applies.push(now);
      pending = undefined;
    }
    expect(applies.length).toBeLessThanOrEqual(12);
    expect(applies.at(-1)).toBeGreaterThanOrEqual(10_000);
    expect(applies.at(-1)).toBeLessThanOrEqual(11_500);
  });
});

describe("createSchedule()", () => {
  test("is due again after a failure, though nothing changes, and later after each further one", async ({
    signal,
  }) => {
    const schedule = createSchedule(
      { quiet: 0, max: 0, minInterval: 0 },
      { now: () => performance.now(), random: () => 0.5 },
    );
    schedule.changed();
    await schedule.due(signal, undefined);
    expect(schedule.failed({ soon: false })).toBe(1_000);
    expect(schedule.failed({ soon: false })).toBe(2_000);
    expect(schedule.failed({ soon: true })).toBe(1_000);
    await schedule.due(signal, undefined);
    schedule.succeeded();
    expect(schedule.failed({ soon: false })).toBe(1_000);
  });

  test("ends with the signal's reason", async () => {
    const schedule = createSchedule(SETTLE, { now: () => performance.now(), random: () => 0.5 });
    const ending = new AbortController();
    const due = schedule.due(ending.signal, undefined);
    ending.abort(new Error("enough"));
    await expect(due).rejects.toThrow("enough");
  });
});

test("a look that leaves a time behind that is over does not keep the program from all else", async () => {
  const ending = new AbortController();
  const clock = { now: () => performance.now(), random: () => 0 };
  const schedule = createSchedule({ quiet: 0, max: 0, minInterval: 0 }, clock);
  const overMs = performance.now();
  const looks = createReconcileLoop(schedule, { reconcileAtMs: () => overMs });
  let count = 0;
  const running = looks.run(async () => {
    count += 1;
    return "refused";
  }, ending.signal);
  const begin = performance.now();
  await sleep(100); // nothing else can be waited for: that it looks no more
  expect(count).toBeLessThanOrEqual(2 + Math.floor((performance.now() - begin) / 500));
  ending.abort(new Error("the test is finished"));
  await expect(running).rejects.toThrow("the test is finished");
});
