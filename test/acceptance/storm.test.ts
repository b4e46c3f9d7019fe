import { writeFile } from "node:fs/promises";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { adminStatus, adminUrl } from "../helpers/admin-address.ts";
import { request } from "../helpers/request.ts";
import type { LogLine } from "../helpers/start-fairlead.ts";
import {
  listenAddress,
  nginxProxy,
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
  testService,
  whoAnswers,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const CHANGES = 1_000;
const STORM_MS = 10_000;
const isLive = ({ result }: LogLine) => result === "live";

/** A sender that is behind by more is one of a machine that does not take 100 changes a second. */
const BEHIND = 1.05;

/*
 * The claim is of a machine that takes 100 changes a second. On one that is too busy elsewhere, as the storm itself shows, the
 * storm lasts longer: the same number of reloads a second is expected then, and so much later may the last change be live.
 */
test("1,000 changes in 10 s take at most 12 reloads, and the last change is live within 1.5 s", async () => {
  const directory = await testDirectory();
  const consul = await testConsul();
  const [one, two] = await Promise.all([testService("one"), testService("two")]);
  await consul.register({ name: "web", id: "one", port: one.port });
  await consul.register({ name: "web", id: "two", port: two.port });
  const { listen, url } = await listenAddress();
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [nginxProxy(await testNginx(directory))],
    values: { nginx: { listen } },
  });
  await fairlead.untilLog("it is live", isLive);
  const from = fairlead.log().length;
  const beginMs = performance.now();
  for (let i = 1; i < CHANGES; i += 1) {
    const aheadMs = beginMs + i * (STORM_MS / CHANGES) - performance.now();
    if (aheadMs > 0) await sleep(aheadMs);
    await consul.setHealth("two", i % 2 === 0 ? "pass" : "fail");
  }
  const lastChangeMs = Date.now();
  await consul.register({ name: "last", id: "last", port: one.port });
  const took = (performance.now() - beginMs) / STORM_MS;
  const slowness = took > BEHIND ? took : 1;
  await until("the last one is served", async () =>
    (await whoAnswers(`${url}/last/`, 1)).has("one"),
  );
  const servedMs = Date.now();
  const isLast = (line: LogLine) => isLive(line) && String(line["change"]).includes("last");
  await fairlead.untilLog("the last change is live", isLast, from);
  const reloads = fairlead.log().slice(from).filter(isLive);
  expect(reloads.length).toBeGreaterThan(1);
  expect(reloads.length).toBeLessThanOrEqual(12 * slowness);
  expect(servedMs - lastChangeMs).toBeLessThanOrEqual(1_500 * slowness);
});

test("reloads are spaced while old workers are held by connections that do not end", async () => {
  const directory = await testDirectory();
  const service = await testService("one");
  const { listen, url: edge } = await listenAddress();
  const change = async (i: number) =>
    await writeFile(
      directory.at("catalog.yaml"),
      `services: { web: [{ address: 127.0.0.1, port: ${service.port}, tags: ["route.timeout=${i}s"] }] }\n`,
    );
  await change(60);
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [
      nginxProxy(await testNginx(directory), {
        settle: { quiet: "0s", minInterval: "0s", maxDraining: 2 },
      }),
    ],
    values: { nginx: { listen } },
  });
  await fairlead.untilLog("it is live", isLive);
  const held: { destroy(): void }[] = [];
  for (let i = 1; i <= 2; i += 1) {
    held.push(await holdWebsocket(`${edge}/web/socket`));
    const from = fairlead.log().length;
    await change(60 + i);
    await fairlead.untilLog("the change is live", isLive, from);
  }
  const from = fairlead.log().length;
  await change(63);
  const said = await fairlead.untilLog("it waits", ({ msg }) => msg.includes("old workers"), from);
  expect(said["draining"]).toBe(2);
  expect(said.hint).toContain("worker_shutdown_timeout");
  expect(fairlead.log().slice(from).some(isLive)).toBe(false);
  const metrics = (await request(`${await adminUrl(directory)}/metrics`)).body;
  expect(metrics).toContain('fairlead_draining_workers{proxy="edge"} 2\n');

  // What waited is not wanted any more: nothing is to be done then, and it goes on being asked.
  await change(62);
  const url = await adminUrl(directory);
  await until("it sees that", async () => (await adminStatus(url)).result === "unchanged");
  await change(63);
  held[0]?.destroy();
  await fairlead.untilLog("it goes on", isLive, from);
});

/** A connection through nginx that ends with the test. */
function holdWebsocket(url: string): Promise<{ destroy(): void }> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get(url, {
      agent: false,
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      },
    });
    outgoing.on("upgrade", (_response, socket) => {
      socket.on("error", () => undefined);
      onTestFinished(() => void socket.destroy());
      resolve(socket);
    });
    outgoing.on("error", reject);
  });
}
