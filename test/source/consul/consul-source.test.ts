import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Instance } from "../../../src/catalog/instance.ts";
import { type Query, queryText, type ServiceQuery } from "../../../src/catalog/query.ts";
import { type CatalogStore, createCatalogStore } from "../../../src/catalog/store.ts";
import { consulSchema } from "../../../src/config/consul-schema.ts";
import { consulSource } from "../../../src/source/consul/consul-source.ts";
import { type Fault, startFaultProxy } from "../../helpers/fault-proxy.ts";
import { type ConsulAgent, startConsul } from "../../helpers/start-consul.ts";
import { until } from "../../helpers/until.ts";

let consul: ConsulAgent;
beforeAll(async () => {
  consul = await startConsul();
});
afterAll(async () => await consul.stop());

const service = (name: string): ServiceQuery => ({ kind: "service", name });

describe("the consul source", () => {
  test("answers every kind of query, and follows its changes", async () => {
    await consul.register({
      name: "kinds",
      id: "k1",
      port: 80,
      tags: ["b", "a"],
      meta: { x: "y" },
      weights: { passing: 3, warning: 2 },
    });
    await consul.putKey("kinds/one", "1");
    const store = open(consul.address);
    const queries: Query[] = [
      service("kinds"),
      { kind: "service", name: "kinds", tag: "nope" },
      { kind: "service", name: "kinds", filter: 'Service.Meta.x == "y"' },
      { kind: "service", name: "kinds", datacenter: "dc1", near: "_agent" },
      { kind: "services" },
      { kind: "nodes" },
      { kind: "datacenters" },
      { kind: "key", key: "kinds/one" },
      { kind: "key", key: "kinds/none" },
      { kind: "tree", prefix: "kinds/" },
    ];
    want(store, queries);
    await until("all are answered", () =>
      queries.every((query) => store.snapshot().get(query) !== undefined),
    );
    const answers = queries.map((query) => store.snapshot().get(query)) as unknown[];
    expect(answers[0]).toMatchObject([
      {
        id: "k1",
        name: "kinds",
        address: "127.0.0.1",
        port: 80,
        tags: ["b", "a"],
        meta: { x: "y" },
        weights: { passing: 3, warning: 2 },
        status: "passing",
        datacenter: "dc1",
      },
    ]);
    expect(answers.slice(1, 4)).toEqual([[], answers[0], answers[0]]);
    expect(answers[4]).toContainEqual({ name: "kinds", tags: ["a", "b"] });
    expect(answers[5]).toMatchObject([{ address: "127.0.0.1", datacenter: "dc1" }]);
    expect(answers.slice(6)).toEqual([
      ["dc1"],
      { key: "kinds/one", value: "1" },
      null,
      [{ key: "kinds/one", value: "1" }],
    ]);

    await consul.setHealth("k1", "warn");
    await until("the warning is seen", () => statusOf(store, "kinds") === "warning");
    await consul.setMaintenance("k1", true);
    await until("maintenance is seen", () => statusOf(store, "kinds") === "maintenance");
    await consul.putKey("kinds/none", "now");
    await until(
      "the new key is seen",
      () => store.snapshot().get({ kind: "key", key: "kinds/none" })?.value === "now",
    );
    await consul.deleteKey("kinds/one");
    await until(
      "the deleted key is gone",
      () => store.snapshot().get({ kind: "key", key: "kinds/one" }) === null,
    );
    await consul.deregister("k1");
    await until("the service is gone", () => store.snapshot().get(service("kinds"))?.length === 0);
  });

  test.each<[Fault, string, string]>([
    ["refuse", "socket hang up", "runs"],
    ["break-off", "the answer broke off", "runs"],
    ["truncate-json", "JSON", "runs"],
    ["html", "not JSON of a list", "what stands between"],
    ["no-leader", "500 No cluster leader", "log"],
    ["forbidden", "403 Permission denied", "policy"],
    ["too-many", "429", "http_max_conns_per_client"],
    ["index-zero", "X-Consul-Index is 0", "what stands between"],
    ["index-missing", "X-Consul-Index is missing", "what stands between"],
  ])(
    "%s: the last answer stays, the reason is told, and it goes on by itself",
    async (fault, words, hint) => {
      const name = `fault-${fault}`;
      await consul.register({ name, id: name, port: 80 });
      const proxy = await startFaultProxy(consul.address);
      onTestFinished(() => proxy.stop());
      const store = open(proxy.address);
      want(store, [service(name)]);
      await until("it is answered", () => store.snapshot().get(service(name))?.length === 1);
      const before = store.snapshot();

      proxy.setFault(fault);
      await consul.setHealth(name, "fail");
      const failure = await until("the failure is told", () =>
        store.failures().get(queryText(service(name))),
      );
      expect(failure.message).toContain(words);
      expect(failure.hint).toContain(hint);
      const requests = proxy.requests();
      await until("it was tried again", () => proxy.requests() > requests + 2);
      expect(store.snapshot()).toBe(before);

      proxy.setFault("pass");
      await until("the change is seen", () => statusOf(store, name) === "critical", {
        patienceMs: 5_000,
      });
      expect(store.failures().size).toBe(0);
    },
  );

  test("a connection that is half open is noticed, and asked anew", async () => {
    await consul.register({ name: "half", id: "half", port: 80 });
    const proxy = await startFaultProxy(consul.address);
    onTestFinished(() => proxy.stop());
    const store = open(proxy.address, { wait: "1s" });
    want(store, [service("half")]);
    await until("it is answered", () => store.snapshot().get(service("half"))?.length === 1);
    proxy.setFault("stall");
    const failure = await until("the silence is noticed", () =>
      store.failures().get("service half"),
    );
    expect(failure.message).toContain("timed out");
    proxy.setFault("pass");
    await consul.setHealth("half", "fail");
    await until("the change is seen", () => statusOf(store, "half") === "critical");
  });

  test("never uses more sockets than it may, and still sees every change", async () => {
    const names = Array.from({ length: 20 }, (_, i) => `many-${i}`);
    for (const name of names) await consul.register({ name, id: name, port: 80 });
    const proxy = await startFaultProxy(consul.address);
    onTestFinished(() => proxy.stop());
    const store = open(proxy.address, { maxConnections: 4 });
    want(store, names.map(service));
    await until("all are answered", () =>
      names.every((name) => store.snapshot().get(service(name))?.length === 1),
    );
    for (const name of names) await consul.setHealth(name, "fail");
    await until("all changes are seen", () =>
      names.every((name) => statusOf(store, name) === "critical"),
    );
    expect(proxy.mostConnections()).toBeLessThanOrEqual(4);
  });

  test("what nobody wants any more is not asked any more, and forgotten", async () => {
    await consul.register({ name: "brief", id: "brief", port: 80 });
    const store = open(consul.address);
    want(store, [service("brief"), { kind: "datacenters" }]);
    await until("it is answered", () => store.snapshot().get(service("brief"))?.length === 1);
    want(store, [{ kind: "datacenters" }]);
    want(store, [{ kind: "datacenters" }, { kind: "nodes" }]);
    await until(
      "the other is answered",
      () => store.snapshot().get({ kind: "nodes" }) !== undefined,
    );
    expect(store.snapshot().get(service("brief"))).toBeUndefined();
  });
});

function open(address: string, options: object = {}): CatalogStore {
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  const config = consulSchema.parse({ address, ...options });
  return createCatalogStore(consulSource(config, pino({ level: "silent" })), ending.signal);
}

const want = (store: CatalogStore, queries: readonly Query[]) =>
  store.want("test", new Map(queries.map((query) => [queryText(query), query])));

function statusOf(store: CatalogStore, name: string): Instance["status"] | undefined {
  return store.snapshot().get({ kind: "service", name })?.[0]?.status;
}
