import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { adminStatus } from "../helpers/admin-address.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import type { ConsulAgent } from "../helpers/start-consul.ts";
import { nginxProxy } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const SERVICES = ["api", "shop", "web"];
const IDS = SERVICES.flatMap((name) => [1, 2, 3, 4].map((i) => `${name}-${i}`));

test("unhealthy instances leave at once; the loss of a node and the loss of all instances are held until the catalog recovers", async () => {
  const { consul, file, fairlead, url } = await startGuarded({});
  const reads = async () => await readFile(file, "utf8");
  const ports = async () => [...(await reads()).matchAll(/server 127\.0\.0\.1:(\d+)/g)].length;
  await until("all are served", async () => (await ports()) === 12);

  for (const id of ["web-1", "web-2", "web-3", "api-1", "api-2", "api-3", "shop-1", "shop-2"]) {
    await consul.setHealth(id, "fail");
  }
  await until("unhealthy ones are left out", async () => (await ports()) === 4);
  expect(fairlead.log().some(({ result }) => result === "held")).toBe(false);
  for (const id of IDS) await consul.setHealth(id, "pass");
  await until("all are served", async () => (await ports()) === 12);

  const before = await reads();
  const nodeCheck = { Name: "node alive", ID: "alive", TTL: "1h", Status: "passing" };
  await consul.send("agent/check/register", nodeCheck);
  await consul.send("agent/check/fail/alive");
  const held = await fairlead.untilResult("held");
  expect(held.msg).toMatch(
    /^held: node .+ is down: 12 of 12 instances ran there; what was lost is kept, the rest goes live$/,
  );
  expect(held["hint"]).toMatch(
    /^See whether node .+ can reach Consul; `fairlead accept edge` lets it go live at once$/,
  );
  expect(await adminStatus(url)).toMatchObject({
    result: "held",
    isServed: true,
    held: { reason: expect.stringMatching(/^node .+ is down: 12 of 12 instances ran there$/) },
  });
  const metrics = (await request(`${url}/metrics`)).body;
  expect(metrics).toContain('fairlead_held{proxy="edge"} 1\n');
  expect(metrics).toContain('fairlead_guard_holds_total{proxy="edge",mode="enforced"} 1\n');
  expect(await reads()).toBe(before);
  await consul.send("agent/check/pass/alive");
  await fairlead.untilLog("the node is back", ({ letGo }) => letGo === "recovered");

  const from = fairlead.log().length;
  await deregisterAll(consul);
  await fairlead.untilResult("held", from);
  // One by one: what is lost before it is more than half goes live.
  expect(await ports()).toBeGreaterThanOrEqual(6);
  await registerAll(consul);
  await fairlead.untilLog("it has recovered", ({ letGo }) => letGo === "recovered", from);
  await until("all are served", async () => (await ports()) === 12);
  expect((await adminStatus(url)).held).toBeUndefined();

  const again = fairlead.log().length;
  await deregisterAll(consul);
  await fairlead.untilResult("held", again);
  await until("all are known to be gone", async () =>
    (await adminStatus(url)).held?.reason.startsWith("all "),
  );
  const accepted = await request(`${url}/v1/proxies/edge/accept`, {
    method: "POST",
    headers: { "content-type": "application/json" },
  });
  expect(accepted.body).toContain('"result": "live"');
  expect(await ports()).toBe(0);
}, 120_000);

test("a hold ends by time; a shadow guard only says what it would hold", async () => {
  const { consul, directory, file, fairlead } = await startGuarded({
    guard: { hold: "2s" },
    shadow: true,
  });
  const shadow = directory.at("shadow.txt");
  const read = async (path: string) => await readFile(path, "utf8");
  await until("all are served", async () => (await read(shadow)) === "12\n");
  await until("all are served", async () => (await read(file)).includes(":1012"));
  await deregisterAll(consul);
  const said = await fairlead.untilLog(
    "the shadow guard speaks",
    ({ isShadow }) => isShadow === true,
  );
  expect(said.msg).toBe("would be held: all 12 instances vanished at once");
  await until("the shadow guard lets it go", async () => (await read(shadow)) === "0\n");
  const isServed = async () => (await read(file)).includes("server 127.0.0.1:");
  expect(await isServed()).toBe(true);
  await fairlead.untilLog("time is up", ({ letGo }) => letGo === "time");
  await until("nobody is served", async () => !(await isServed()));
}, 120_000);

test("a service below its minimum is held until it recovers; an instance that flaps is left out until it is quiet", async () => {
  const damp = { flaps: 3, within: "1h", quiet: "3s" };
  const { consul, file, fairlead, url } = await startGuarded({
    guard: { minInstances: { web: 2 }, damp },
  });
  const isServed = async (id: string) =>
    (await readFile(file, "utf8")).includes(`server 127.0.0.1:${1_001 + IDS.indexOf(id)}`);
  const becomes = async (id: string, health: "pass" | "fail") => {
    await consul.setHealth(id, health);
    const isWell = health === "pass";
    await until(`${id}: ${health}`, async () => (await isServed(id)) === isWell);
  };
  await until("all are served", async () => await isServed("web-4"));
  await becomes("web-1", "fail");
  await becomes("web-2", "fail");
  await consul.setHealth("web-3", "fail");
  const held = await fairlead.untilResult("held");
  expect(held.msg).toContain('"web"');
  expect(await isServed("web-3")).toBe(true);
  await consul.setHealth("web-3", "pass");
  await fairlead.untilLog("it is back", ({ letGo }) => letGo === "recovered");

  await becomes("api-1", "fail");
  await becomes("api-1", "pass");
  await becomes("api-1", "fail");
  await consul.setHealth("api-1", "pass");
  const { damped } = await adminStatus(url);
  expect(damped).toEqual([{ service: "api", instance: "api-1", node: expect.any(String) }]);
  expect((await request(`${url}/metrics`)).body).toContain(
    'fairlead_damped_instances{proxy="edge"} 1\n',
  );
  await until("it is used again", async () => await isServed("api-1"));
  expect(fairlead.log().find(({ msg }) => msg.includes("is quiet again"))).toMatchObject({
    service: "api",
    instance: "api-1",
  });
}, 120_000);

async function startGuarded({ guard = {}, shadow = false }) {
  const site = await startSite();
  const { consul, directory, nginx } = site;
  await registerAll(consul);
  await site.save(
    "count.hbs",
    '{{add (length (service "api")) (length (service "shop")) (length (service "web"))}}\n',
  );
  const counter = {
    name: "shadow",
    kind: "nginx",
    config: nginx.config,
    files: [{ template: "count.hbs", path: "shadow.txt", format: "text" }],
    guard: { shadow: true },
  };
  const proxies = [nginxProxy(nginx, { guard }), ...(shadow ? [counter] : [])];
  const fairlead = await site.start({ proxies });
  return { consul, directory, file: site.output, fairlead, url: site.adminUrl };
}

async function registerAll(consul: ConsulAgent): Promise<void> {
  for (const [i, id] of IDS.entries()) {
    await consul.register({ name: id.replace(/-.*/, ""), id, port: 1_001 + i });
  }
}

/** As fast as it goes: a script gone wild, or an orchestrator that lost its mind. */
async function deregisterAll(consul: ConsulAgent): Promise<void> {
  await Promise.all(IDS.map((id) => consul.deregister(id)));
}
