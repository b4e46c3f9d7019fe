import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { adminStatus, adminUrl } from "../helpers/admin-address.ts";
import { request } from "../helpers/request.ts";
import { type ConsulAgent, startConsul } from "../helpers/start-consul.ts";
import { testConsul, testDirectory, testFairlead, testNginx } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const KEPT = "what was lost is kept, the rest goes live";
const numbers = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => i + 1);

test("a Consul that comes back empty empties no list, key, node or output, until all is there again", async () => {
  const consul = await testConsul();
  const fill = async () => {
    for (const i of [1, 2, 3]) {
      await put(consul, "catalog/register", { Node: `c${i}`, Address: "10.0.0.1" });
      await consul.putKey(`sites/${i}`, `site ${i}`);
      await consul.putKey(`edge/deep/${i}`, `edge ${i}`);
      await put(consul, "agent/service/register", {
        Name: `web-sidecar-proxy`,
        ID: `web-sidecar-${i}`,
        Kind: "connect-proxy",
        Address: "127.0.0.1",
        Port: 2_000 + i,
        Proxy: { DestinationServiceName: "web" },
      });
    }
    await consul.putKey("color", "blue");
    await consul.register({ name: "api", id: "api-1", port: 1_001 });
  };
  await fill();
  const { fairlead, url, read, at } = await startStage(consul, {
    template: [
      '{{#each (ls "sites")}}{{key}} {{/each}}|{{#each (tree "edge")}}{{key}} {{/each}}|',
      '{{keyOr "color" "none"}}|{{#each (nodes)}}{{name}} {{/each}}|',
      '{{#each (connect "web")}}{{id}} {{/each}}|{{#each (service "api")}}{{id}}{{/each}}|',
      '{{#each (services)}}{{name}} {{/each}}|{{keyOr "late" "no"}}\n',
    ].join(""),
    sites: true,
  });
  await until("all is served", async () => (await read()).includes("|api-1|"));
  const before = await read();
  expect(before).toMatch(
    /^1 2 3 \|deep\/1 deep\/2 deep\/3 \|blue\|c1 c2 c3 .*\|web-sidecar-1 .*\|api-1\|/,
  );
  expect(existsSync(at("site-3.txt"))).toBe(true);

  await consul.kill();
  await consul.startAgain();
  const held = await fairlead.untilLog("the loss is held", ({ result }) => result === "held");
  expect(held.msg).toContain(`; ${KEPT}`);
  expect(held["hint"]).toContain("`fairlead accept edge` lets it go live at once");
  await consul.putKey("late", "yes");
  await until("what is new goes live", async () => (await read()).endsWith("|yes\n"));
  expect(await read()).toBe(before.replace(/no\n$/, "yes\n"));
  expect(existsSync(at("site-3.txt"))).toBe(true);
  expect((await adminStatus(url)).held?.reason).toBeDefined();

  const from = fairlead.log().length;
  await fill();
  await fairlead.untilLog("all is back", ({ letGo }) => letGo === "recovered", from);
  expect(await read()).toBe(before.replace(/no\n$/, "yes\n"));
  expect(existsSync(at("site-3.txt"))).toBe(true);
}, 120_000);

test("keys: one that is deleted goes live at once; a tree that is deleted is held, logged once, and ends by accept and by time", async () => {
  const consul = await testConsul();
  const fill = async () => {
    for (const i of numbers(5)) await consul.putKey(`edge/${i}`, "x");
  };
  await fill();
  await consul.putKey("color", "blue");
  await consul.register({ name: "web", id: "web-1", port: 1_001 });
  const { fairlead, read, accept } = await startStage(consul, {
    template:
      '{{#each (ls "edge")}}{{key}}{{/each}} {{keyOr "color" "none"}} {{length (service "web")}}\n',
    hold: "4s",
  });
  await until("all is served", async () => (await read()) === "12345 blue 1\n");
  await consul.deleteKey("color");
  await until("the key is gone", async () => (await read()) === "12345 none 1\n");
  await consul.deleteKey("edge/5");
  await until("the entry is gone", async () => (await read()) === "1234 none 1\n");
  expect(heldLines(fairlead)).toEqual([]);

  await put(consul, "kv/edge/?recurse", undefined, "DELETE");
  await fairlead.untilLog("the tree is held", ({ result }) => result === "held");
  for (const [i, value] of ["red", "green"].entries()) {
    await consul.putKey("color", value);
    await until("the rest goes live", async () => (await read()) === `1234 ${value} 1\n`);
    expect(heldLines(fairlead), `${i}`).toEqual([
      `held: all 4 keys below "edge/" are gone at once: edge/1, edge/2, edge/3, edge/4; ${KEPT}`,
    ]);
  }
  const accepted = await accept();
  expect(accepted).toContain('"result": "live"');
  expect(await read()).toBe(" green 1\n");

  await fill();
  await until("the tree is back", async () => (await read()) === "12345 green 1\n");
  await put(consul, "kv/edge/?recurse", undefined, "DELETE");
  await fairlead.untilLog("its time is up", ({ letGo }) => letGo === "time");
  await until("the tree is gone", async () => (await read()) === " green 1\n");
}, 120_000);

test("another datacenter that comes back empty is held by itself and named", async () => {
  const consul = await testConsul();
  const other = await startConsul({ datacenter: "dc2", joinWan: consul.wanAddress });
  onTestFinished(() => other.stop());
  for (const i of numbers(9))
    await consul.register({ name: "web", id: `web-${i}`, port: 1_000 + i });
  const fill = async () => {
    for (const i of [1, 2]) await other.register({ name: "pay", id: `pay-${i}`, port: 2_000 + i });
  };
  await fill();
  const { fairlead, read } = await startStage(consul, {
    template: '{{length (service "web")}} {{#each (service "pay@dc2")}}{{id}} {{/each}}\n',
  });
  await until("both are served", async () => (await read()) === "9 pay-1 pay-2 \n");
  await other.kill();
  await other.startAgain();
  const held = await fairlead.untilLog("the loss is held", ({ result }) => result === "held");
  expect(held.msg).toBe(`held: all 2 instances of datacenter dc2 vanished at once; ${KEPT}`);
  expect(held["hint"]).toContain("Consul in datacenter dc2 has lost its data");
  await consul.deregister("web-9");
  await consul.register({ name: "web", id: "web-10", port: 1_010 });
  await consul.register({ name: "web", id: "web-11", port: 1_011 });
  await until(
    "dc1 goes on",
    async () => (await read()).startsWith("11 ") || (await read()).startsWith("10 "),
  );
  expect(await read()).toContain("pay-1 pay-2 ");
  await fill();
  await until("dc2 is served from its new registrations", async () =>
    (await read()).includes("pay-1 pay-2 "),
  );
}, 120_000);

test("whole services that are deregistered are held alone, however many other instances there are", async () => {
  const consul = await testConsul();
  const real = ["a", "b", "c", "d"];
  for (const name of real) {
    for (const i of numbers(5))
      await consul.register({ name, id: `${name}-${i}`, port: 1_000 + i });
  }
  await Promise.all(
    numbers(60).map((i) =>
      consul.register({ name: "padding", id: `padding-${i}`, port: 2_000 + i }),
    ),
  );
  const counts = [...real, "padding", "late"].map((it) => `{{length (service "${it}")}}`);
  const { fairlead, read, accept } = await startStage(consul, {
    template: `${counts.join(" ")}\n`,
  });
  await until("all are served", async () => (await read()) === "5 5 5 5 60 0\n");
  const gone = real.flatMap((name) => numbers(5).map((i) => `${name}-${i}`));
  await Promise.all(gone.map((id) => consul.deregister(id)));
  const held = await fairlead.untilLog("the loss is held", ({ result }) => result === "held");
  expect(held.msg).toContain("services are gone at once, with all");
  expect(held["hint"]).toContain("deregistered on purpose");
  const kept = (await read()).split(" ").slice(0, 4);
  expect(kept.some((it) => it !== "0")).toBe(true);
  await consul.register({ name: "late", id: "late-1", port: 3_000 });
  await until("the rest goes live", async () => (await read()) === `${kept.join(" ")} 60 1\n`);
  await accept();
  expect(await read()).toBe("0 0 0 0 60 1\n");
}, 120_000);

test("a node that is down leaves at once where each service is healthy elsewhere, and is named where none is", async () => {
  const consul = await testConsul();
  const services = ["a", "b", "c", "d"];
  const register = async (node: string, service: string, id: string) =>
    await put(consul, "catalog/register", {
      Node: node,
      Address: "10.0.0.1",
      Service: { Service: service, ID: id, Port: 80 },
    });
  const setNode = async (Node: string, Status: string) =>
    await put(consul, "catalog/register", {
      Node,
      Address: "10.0.0.1",
      Check: { Node, CheckID: "alive", Name: "node alive", Status },
    });
  for (const service of services) {
    for (const i of numbers(4)) await register("c2", service, `${service}-${i}`);
    await register("c1", service, `${service}-5`);
  }
  await setNode("c2", "passing");
  const template = services.map((it) => `{{length (service "${it}|passing")}}`).join(" ");
  const { fairlead, read } = await startStage(consul, { template: `${template}\n` });
  await until("all are served", async () => (await read()) === "5 5 5 5\n");
  await setNode("c2", "critical");
  await until("the dead ones are left out", async () => (await read()) === "1 1 1 1\n");
  expect(heldLines(fairlead)).toEqual([]);
  await setNode("c2", "passing");
  await until("all are served", async () => (await read()) === "5 5 5 5\n");

  for (const service of services.slice(0, 3)) {
    await put(consul, "catalog/deregister", { Node: "c1", ServiceID: `${service}-5` });
  }
  await until("three run on one node", async () => (await read()) === "4 4 4 5\n");
  await setNode("c2", "critical");
  const held = await fairlead.untilLog("it is held", ({ result }) => result === "held");
  expect(held.msg).toBe(`held: node c2 is down: 16 of 17 instances ran there; ${KEPT}`);
  expect(held["hint"]).toContain("See whether node c2 can reach Consul");
  await until(
    "the fourth goes on with its healthy one",
    async () => (await read()) === "4 4 4 1\n",
  );
  await setNode("c2", "passing");
  await fairlead.untilLog("it is back", ({ letGo }) => letGo === "recovered");
  await until("all are served", async () => (await read()) === "4 4 4 5\n");
}, 120_000);

async function startStage(
  consul: ConsulAgent,
  { template, hold = "10m", sites = false }: { template: string; hold?: string; sites?: boolean },
) {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  await writeFile(directory.at("out.hbs"), template);
  await writeFile(directory.at("site.hbs"), "{{key}} {{value}}\n");
  const site = {
    template: "site.hbs",
    each: { keys: "sites" },
    path: "site-{{key}}.txt",
    format: "text",
  };
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [
      {
        name: "edge",
        kind: "nginx",
        config: nginx.config,
        files: [{ template: "out.hbs", path: "out.txt", format: "text" }, ...(sites ? [site] : [])],
        guard: { hold },
      },
    ],
  });
  const url = await adminUrl(directory);
  return {
    fairlead,
    url,
    at: directory.at,
    read: async () => await readFile(directory.at("out.txt"), "utf8"),
    accept: async () =>
      (
        await request(`${url}/v1/proxies/edge/accept`, {
          method: "POST",
          headers: { "content-type": "application/json" },
        })
      ).body,
  };
}

const heldLines = (fairlead: Awaited<ReturnType<typeof testFairlead>>): readonly string[] =>
  fairlead.log().flatMap(({ result, msg }) => (result === "held" ? [msg] : []));

async function put(
  consul: ConsulAgent,
  path: string,
  body?: object,
  method: "PUT" | "DELETE" = "PUT",
): Promise<void> {
  const reply = await request(`${consul.address}/v1/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(reply, path).toMatchObject({ status: 200 });
}
