import { expect, test } from "vitest";
import { request } from "./request.ts";
import type { ConsulAgent } from "./start-consul.ts";
import { testConsul, testDirectory } from "./test-programs.ts";
import { until } from "./until.ts";

const get = async ({ address }: ConsulAgent, path: string, token?: string) =>
  await request(`${address}/v1/${path}`, {
    headers: token === undefined ? {} : { "x-consul-token": token },
    timeoutMs: 2_000,
  });
const instances = async (...args: Parameters<typeof get>): Promise<number> =>
  (JSON.parse((await get(...args)).body) as readonly unknown[]).length;

test("with ACLs, a request without a token sees nothing, and a token sees what its policies allow", async () => {
  const consul = await testConsul({ acl: true });
  await consul.register({ name: "web", port: 80 });
  await consul.register({ name: "api", port: 81 });
  await consul.createPolicy(
    "read-web",
    'service "web" { policy = "read" } node_prefix "" { policy = "read" }',
  );
  const token = await consul.createToken(["read-web"]);
  const seen = async (by?: string) => [
    await instances(consul, "health/service/web", by),
    await instances(consul, "health/service/api", by),
  ];
  await until("the agent has synced both", async () => (await seen(consul.token)).join() === "1,1");
  expect(await seen()).toEqual([0, 0]);
  await until(
    "the token is known",
    async () => (await get(consul, "acl/token/self", token)).status === 200,
  );
  expect(await seen(token)).toEqual([1, 0]);
});

test("a second datacenter on a loopback address of its own answers over the WAN", async () => {
  const first = await testConsul();
  const second = await testConsul({
    datacenter: "dc2",
    host: "127.0.0.2",
    joinWan: first.wanAddress,
  });
  await second.register({ name: "far", port: 80 });
  await until(
    "the first one asks the second",
    async () => (await instances(first, "health/service/far?dc=dc2")) === 1,
  );
  expect(new URL(second.address).hostname).toBe("127.0.0.2");
});

test("an agent with a data directory knows its keys after a restart, unless it starts empty", async () => {
  const directory = await testDirectory();
  const consul = await testConsul({ dataDirectory: directory.at("consul") });
  await consul.putKey("a", "1");
  await consul.kill();
  await consul.startAgain();
  expect((await get(consul, "kv/a?raw")).body).toBe("1");
  await consul.startAgain({ empty: true });
  expect((await get(consul, "kv/a?raw")).status).toBe(404);
});

test("a frozen agent answers nothing until it goes on", async () => {
  const consul = await testConsul();
  await consul.freeze();
  await expect(get(consul, "kv/a")).rejects.toThrow("did not answer");
  consul.resume();
  expect((await get(consul, "kv/a")).status).toBe(404);
});
