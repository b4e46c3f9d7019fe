import { expect, test } from "vitest";
import { isRunning } from "./is-running.ts";
import { request } from "./request.ts";
import { testSampleProcess } from "./test-programs.ts";

test("a sample process refuses connections when it is killed, and answers again when it is started again", async () => {
  const service = await testSampleProcess("web");
  const first = service.pid();
  await service.kill();
  expect(await isRunning(first)).toBe(false);
  await expect(request(service.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await service.startAgain();
  expect(service.pid()).not.toBe(first);
  expect((await request(service.url)).status).toBe(200);
});

test("a frozen sample process takes requests and answers them once it goes on", async () => {
  const service = await testSampleProcess("web");
  await service.freeze();
  let isAnswered = false;
  const answer = request(service.url).finally(() => {
    isAnswered = true;
  });
  // The kernel accepts for it: another request gets its connection, and no answer either.
  await expect(request(`${service.url}x`, { timeoutMs: 500 })).rejects.toThrow("did not answer");
  expect(isAnswered).toBe(false);
  service.resume();
  expect((await answer).status).toBe(200);
  await service.freeze();
  await service.stop();
  expect(await isRunning(service.pid())).toBe(false);
});
