import { pino } from "pino";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Query, queryText } from "../../../src/catalog/query.ts";
import { type CatalogStore, createCatalogStore } from "../../../src/catalog/store.ts";
import { consulSchema } from "../../../src/config/consul-schema.ts";
import { consulSource } from "../../../src/source/consul/consul-source.ts";
import { request } from "../../helpers/request.ts";
import { type ConsulAgent, startConsul } from "../../helpers/start-consul.ts";
import { until } from "../../helpers/until.ts";

let consul: ConsulAgent;
beforeAll(async () => {
  consul = await startConsul();
});
afterAll(async () => await consul.stop());

test("connect: what serves a service within the mesh, followed", async () => {
  await send("agent/service/register", { Name: "mesh", Port: 80, Connect: { Native: true } });
  await consul.register({ name: "mesh", id: "plain", port: 81 });
  const query = { kind: "connect", name: "mesh" } as const;
  const store = ask([query]);
  await until("it is answered", () => store.snapshot().get(query)?.length === 1);
  expect(store.snapshot().get(query)).toMatchObject([{ id: "mesh", port: 80, status: "passing" }]);
  await send("agent/service/register", {
    Name: "proxy",
    ID: "side",
    Kind: "connect-proxy",
    Port: 82,
    Proxy: { DestinationServiceName: "mesh" },
  });
  await until("the sidecar is seen", () => store.snapshot().get(query)?.length === 2);
});

test("the certificate authority's roots, and a service's certificate with its key", async () => {
  const roots = { kind: "caRoots" } as const;
  const leaf = { kind: "caLeaf", service: "mesh" } as const;
  const store = ask([roots, leaf]);
  await until("both are answered", () => allAnswered(store, [roots, leaf]));
  expect(store.snapshot().get(roots)).toMatchObject([
    {
      active: true,
      rootCertPem: expect.stringContaining("BEGIN CERTIFICATE"),
      trustDomain: expect.stringMatching(/\.consul$/),
    },
  ]);
  expect(store.snapshot().get(leaf)).toMatchObject({
    service: "mesh",
    serviceUri: expect.stringMatching(/^spiffe:.*\/svc\/mesh$/),
    certPem: expect.stringContaining("BEGIN CERTIFICATE"),
    privateKeyPem: expect.stringContaining("PRIVATE KEY"),
    validBefore: expect.stringMatching(/^\d{4}-/),
  });
});

test("a prepared query: what it finds, and when it is not there, why", async () => {
  await consul.register({ name: "geo", id: "geo-1", port: 80, tags: ["eu"] });
  await consul.register({ name: "geo", id: "geo-2", port: 81 });
  await send("query", { Name: "nearest", Service: { Service: "geo", Tags: ["eu"] } }, "POST");
  const query = { kind: "prepared", prepared: "nearest", near: "_agent" } as const;
  const none = { kind: "prepared", prepared: "nope" } as const;
  const store = ask([query]);
  await until("it is answered", () => store.snapshot().get(query) !== undefined);
  expect(store.snapshot().get(query)).toMatchObject([{ id: "geo-1", name: "geo", port: 80 }]);
  const failing = ask([none]);
  await until("the other fails", () => failing.failures().has(queryText(none)));
  expect(failing.failures().get(queryText(none))?.message).toContain("404");
  await consul.setHealth("geo-1", "fail");
  await until("Consul leaves out what is critical", () => {
    return store.snapshot().get(query)?.length === 0;
  });
});

test("nodes by a filter and nearest first; a node with its services; the agent's own", async () => {
  await consul.register({ name: "on.node", id: "on", port: 80, meta: { x: "y" } });
  const nodes = { kind: "nodes", near: "_agent", filter: 'Node != ""' } as const;
  const noNodes = { kind: "nodes", filter: 'Node == "nope"' } as const;
  const own = { kind: "node" } as const;
  const nobody = { kind: "node", node: "nobody" } as const;
  const store = ask([nodes, noNodes, own, nobody]);
  await until("all are answered", () => allAnswered(store, [nodes, noNodes, own, nobody]));
  const name = store.snapshot().get(nodes)?.[0]?.name ?? "";
  expect(store.snapshot().get(noNodes)).toEqual([]);
  expect(store.snapshot().get(nobody)).toBeNull();
  const answer = store.snapshot().get(own);
  expect(answer).toMatchObject({ name, address: "127.0.0.1", datacenter: "dc1" });
  expect(answer?.services).toContainEqual({
    id: "on",
    name: "on.node",
    address: "127.0.0.1",
    port: 80,
    tags: [],
    meta: { x: "y" },
  });
  await consul.deregister("on");
  await until("it is gone from its node", () => {
    return (
      store
        .snapshot()
        .get(own)
        ?.services.every(({ id }) => id !== "on") === true
    );
  });
});

test("a service whose name and tag have dots", async () => {
  await consul.register({ name: "my.web", id: "dots", port: 80, tags: ["v1.2"] });
  const query = { kind: "service", name: "my.web", tag: "v1.2" } as const;
  const store = ask([query]);
  await until("it is answered", () => store.snapshot().get(query)?.length === 1);
});

function ask(queries: readonly Query[]): CatalogStore {
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  const config = consulSchema.parse({ address: consul.address });
  const store = createCatalogStore(
    consulSource(config, { log: pino({ level: "silent" }) }),
    ending.signal,
  );
  store.want("test", new Map(queries.map((query) => [queryText(query), query])));
  return store;
}

const allAnswered = (store: CatalogStore, queries: readonly Query[]): boolean =>
  queries.every((query) => store.snapshot().get(query) !== undefined);

async function send(path: string, body: object, method = "PUT"): Promise<void> {
  const reply = await request(`${consul.address}/v1/${path}`, {
    method,
    body: JSON.stringify(body),
  });
  if (reply.status !== 200) throw new Error(`Consul answers ${path}: ${reply.body}`);
}
