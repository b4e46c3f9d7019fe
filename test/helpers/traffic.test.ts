import { expect, test } from "vitest";
import { testSampleProcess } from "./test-programs.ts";
import { startTraffic } from "./traffic.ts";
import { until } from "./until.ts";

test("sends requests at the rate, and counts statuses and errors by the second", async () => {
  const service = await testSampleProcess("web");
  const traffic = startTraffic([service.url, `${service.url}status/503`], { perSecond: 50 });
  await until("many are sent", () => traffic.sent() >= 200);
  await traffic.pause();
  const sentBefore = traffic.sent();
  await service.kill();
  traffic.resume();
  await until("some are refused", () => traffic.sent() >= sentBefore + 20);
  const { sent, answered, failures, bySecond } = await traffic.stop();
  const total = (key: string) => bySecond.reduce((sum, { counts }) => sum + (counts[key] ?? 0), 0);
  expect(total("200")).toBe(sentBefore / 2);
  expect(total("503")).toBe(sentBefore / 2);
  expect(total("ECONNREFUSED")).toBe(sent - sentBefore);
  expect(answered).toBe(total("200"));
  expect(failures).toHaveLength(sent - answered);
  const seconds = bySecond.map(({ second }) => second);
  expect(seconds.length).toBeGreaterThan(1);
  expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
  // A round to both is due every 20 ms: no second has more than the rate, but for the catch-up of a busy machine.
  expect(sent / 2).toBeLessThanOrEqual(50 * ((seconds.at(-1) ?? 0) + 1) + 1);
});
