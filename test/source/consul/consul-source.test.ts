import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import type { ListenOptions } from "node:net";
import { buffer } from "node:stream/consumers";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Instance } from "../../../src/catalog/instance.ts";
import { type Query, queryText, type ServiceQuery } from "../../../src/catalog/query.ts";
import { type CatalogStore, createCatalogStore } from "../../../src/catalog/store.ts";
import { consulSchema } from "../../../src/config/consul-schema.ts";
import { consulSource } from "../../../src/source/consul/consul-source.ts";
import { startFaultProxy } from "../../helpers/fault-proxy.ts";
import { request } from "../../helpers/request.ts";
import { type ConsulAgent, startConsul } from "../../helpers/start-consul.ts";
import { testDirectory } from "../../helpers/test-programs.ts";
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

  test("asks whatever the address is, and whatever the names are", async () => {
    const directory = await testDirectory();
    const onSocket = await standBefore(consul.address, { path: directory.at("consul.sock") });
    const onPath = await standBefore(consul.address, { host: "::1", port: 0, below: "/a/consul" });
    const odd = "odd a/b?c#d&e=%2F é";
    await consul.putKey(encodeURIComponent(odd), "found");
    await consul.register({ name: odd, id: "odd", port: 80 });
    const key = { kind: "key", key: odd } as const;
    for (const address of [onSocket, onPath, `${onPath}/`]) {
      const store = open(address);
      want(store, [service(odd), key]);
      await until("both are answered", () => store.snapshot().get(key) !== undefined);
      await until("both are answered", () => statusOf(store, odd) === "passing");
      expect(store.snapshot().get(key)).toEqual({ key: odd, value: "found" });
    }
  });

  test.each([2, 3, 8])("uses at most %i sockets, and sees every change", async (maxConnections) => {
    const name = (i: number): string => `many-${maxConnections}-${i}`;
    const names = Array.from({ length: 20 }, (_, i) => name(i));
    for (const it of names) await consul.register({ name: it, id: it, port: 80 });
    const proxy = await startFaultProxy(consul.address);
    onTestFinished(() => proxy.stop());
    const store = open(proxy.address, { maxConnections });
    const filtered = { ...service(name(0)), filter: "Service.Port == 80" };
    const key = { kind: "key", key: `many/${maxConnections}` } as const;
    want(store, [...names.map(service), filtered, key, { kind: "datacenters" }]);
    await until("all are answered", () =>
      names.every((it) => store.snapshot().get(service(it))?.length === 1),
    );
    for (const it of names) await consul.setHealth(it, "fail");
    await consul.putKey(key.key, "set");
    await until(
      "all changes are seen",
      () =>
        names.every((it) => statusOf(store, it) === "critical") &&
        store.snapshot().get(filtered)?.[0]?.status === "critical" &&
        store.snapshot().get(key)?.value === "set",
    );
    expect(proxy.mostConnections()).toBeLessThanOrEqual(maxConnections);
  });

  test("changes from a query each to the aggregate watch and back without losing an answer", async () => {
    const names = Array.from({ length: 20 }, (_, i) => `to-and-fro-${i}`);
    for (const name of names) await consul.register({ name, id: name, port: 80 });
    const store = open(consul.address, { maxConnections: 10 });
    const few = names.slice(0, 3).map(service);
    const many = names.map(service);
    want(store, few);
    await until("the few are answered", () => statusOf(store, "to-and-fro-0") === "passing");
    for (const health of ["fail", "pass", "warn"] as const) {
      const kept = store.snapshot().get(service("to-and-fro-1"));
      want(store, many);
      expect(store.snapshot().get(service("to-and-fro-1"))).toBe(kept);
      await consul.setHealth("to-and-fro-0", health);
      await consul.setHealth("to-and-fro-9", health);
      const status = { fail: "critical", pass: "passing", warn: "warning" }[health];
      await until(
        "the changes are seen among many",
        () =>
          statusOf(store, "to-and-fro-0") === status && statusOf(store, "to-and-fro-9") === status,
      );
      want(store, few);
      expect(store.snapshot().get(service("to-and-fro-1"))).toBe(kept);
      await consul.setHealth("to-and-fro-0", "pass");
      await until(
        "the change is seen among few",
        () => statusOf(store, "to-and-fro-0") === "passing",
      );
    }
  });

  test("a service that changed lately has a blocking query of its own, while nothing else needs the socket", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `lately-${i}`);
    for (const name of names) await consul.register({ name, id: name, port: 80 });
    const [name = ""] = names;
    const isOfIt = (url: string): boolean => url.startsWith(`/v1/health/service/${name}?`);
    const asked: string[] = [];
    /** Until it is over, of the service's queries none of a kind is answered. */
    let hold: { readonly isOn: (url: string) => boolean; readonly over: Promise<void> } | undefined;
    const before = await standBefore(consul.address, {
      host: "::1",
      port: 0,
      onRequest: (url) => isOfIt(url) && asked.push(url),
      async onAnswer(url) {
        if (isOfIt(url) && hold?.isOn(url) === true) await hold.over;
      },
    });
    const holding = async (isOn: (url: string) => boolean, work: () => Promise<void>) => {
      const { promise: over, resolve: end } = deferred();
      hold = { isOn, over };
      await work();
      hold = undefined;
      end();
    };
    const proxy = await startFaultProxy(before);
    onTestFinished(() => proxy.stop());
    const store = open(proxy.address, { maxConnections: 50 });
    const changeTo = async (health: "fail" | "pass", status: Instance["status"]) => {
      asked.length = 0;
      await consul.setHealth(name, health);
      await until(`it is ${status}`, () => statusOf(store, name) === status);
    };
    want(store, names.map(service));
    await until("all are answered", () => names.every((it) => statusOf(store, it) === "passing"));

    await changeTo("fail", "critical");
    await until("it is watched", () => asked.some(isBlocking));
    await holding(isPlain, () => changeTo("pass", "passing"));
    await until("it is watched again", () => asked.some(isBlocking));

    await holding(isBlocking, () => changeTo("fail", "critical"));

    const keys = Array.from(
      { length: 20 },
      (_, i) => ({ kind: "key", key: `lately/${i}` }) as const,
    );
    want(store, [...names.map(service), ...keys]);
    await until("others have the sockets", () =>
      keys.every((key) => store.snapshot().get(key) === null),
    );
    await changeTo("pass", "passing");
    await changeTo("fail", "critical");
    expect(asked.filter(isBlocking)).toEqual([]);

    want(store, names.map(service));
    await changeTo("pass", "passing");
    await until("it is watched again", () => asked.some(isBlocking));
    want(store, names.slice(1).map(service));
    asked.length = 0;
    await consul.setHealth(name, "fail");
    await consul.setHealth(names[1] ?? "", "fail");
    await until("another is seen", () => statusOf(store, names[1] ?? "") === "critical");
    expect(asked).toEqual([]);
    expect(proxy.mostConnections()).toBeLessThanOrEqual(50);
  });

  test("a slow read does not replace a newer answer of the service's own query", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `overtaken-${i}`);
    for (const name of names) await consul.register({ name, id: name, port: 80 });
    const [name = "", other = ""] = names;
    const asked: string[] = [];
    let phase: "open" | "watch is slow" | "read is slow" = "open";
    const [watchGoesOn, isReadAgain, readGoesOn] = [deferred(), deferred(), deferred()];
    const address = await standBefore(consul.address, {
      host: "::1",
      port: 0,
      onRequest: (url) => url.includes(`/${name}?`) && asked.push(url),
      async onAnswer(url) {
        if (phase === "open" || !url.includes(`/${name}?`)) return;
        if (isBlocking(url)) return await watchGoesOn.promise;
        if (phase === "watch is slow") {
          phase = "read is slow";
          throw new Error("this read fails, and is tried again");
        }
        isReadAgain.resolve();
        await readGoesOn.promise;
      },
    });
    const store = open(address, { maxConnections: 50 });
    want(store, names.map(service));
    await until("all are answered", () => names.every((it) => statusOf(store, it) === "passing"));
    await consul.setHealth(name, "fail");
    await until("it is watched", () => asked.some(isBlocking));
    phase = "watch is slow";
    await consul.setHealth(name, "warn");
    await isReadAgain.promise;
    watchGoesOn.resolve();
    await until("its query has the first change", () => statusOf(store, name) === "warning");
    await consul.setHealth(name, "pass");
    await until("its query has the second change", () => statusOf(store, name) === "passing");
    const seen = new Set<unknown>();
    onTestFinished(store.onChange(() => seen.add(statusOf(store, name))));
    readGoesOn.resolve();
    await consul.setHealth(other, "fail");
    await until("what came later is seen", () => statusOf(store, other) === "critical");
    expect([...seen]).toEqual(["passing"]);
  });

  test("an instance that is read while its node changes has what the node has afterwards", async () => {
    const names = Array.from({ length: 20 }, (_, i) => `moving-${i}`);
    for (const name of names) await consul.register({ name, id: name, port: 80 });
    const [name = ""] = names;
    const register = async (body: object) => {
      const options = { method: "PUT", body: JSON.stringify({ Node: "moving", ...body }) };
      expect((await request(`${consul.address}/v1/catalog/register`, options)).status).toBe(200);
    };
    await register({ Address: "10.0.0.1" });
    let isHeard = false;
    const isRead = deferred();
    const isMoved = deferred();
    const address = await standBefore(consul.address, {
      host: "::1",
      port: 0,
      onRequest(url) {
        isHeard ||= url.startsWith("/v1/catalog/node/moving?") && url.includes("index=");
      },
      async onAnswer(url, body) {
        if (!url.startsWith(`/v1/health/service/${name}?`) || !body.includes("10.0.0.1")) return;
        isRead.resolve();
        await isMoved.promise;
      },
    });
    const store = open(address, { maxConnections: 18 });
    want(store, [...names.map(service), { kind: "nodes" }]);
    await until("the node is listened to", () => isHeard);
    await register({ Address: "10.0.0.1", Service: { Service: name, ID: name, Port: 80 } });
    await isRead.promise;
    await register({ Address: "10.0.0.2" });
    await until("the node's new address is seen", () =>
      store
        .snapshot()
        .get({ kind: "nodes" })
        ?.some((it) => it.address === "10.0.0.2"),
    );
    isMoved.resolve();
    await until("the instance has it too", () =>
      store
        .snapshot()
        .get(service(name))
        ?.some((it) => it.nodeAddress === "10.0.0.2"),
    );
  });

  test("when another agent replaces the agent between two requests of a query, that query starts over as well", async () => {
    const other = await startConsul();
    onTestFinished(() => other.stop());
    await Promise.all([
      ...["moved", "waits"].map((name) => consul.register({ name, id: name, port: 1 })),
      ...["moved", "waits"].map((name) => other.register({ name, id: name, port: 3 })),
      ...Array.from({ length: 30 }, (_, i) => consul.putKey(`moved/${i}`, "far ahead")),
    ]);
    const proxy = await startFaultProxy(consul.address);
    onTestFinished(() => proxy.stop());
    const store = open(proxy.address);
    want(store, [service("moved"), service("waits")]);
    const portOf = (name: string) => store.snapshot().get(service(name))?.[0]?.port;
    await until("both are followed", () => proxy.waiting().length === 2 && portOf("waits") === 1);
    const end = store.onChange(() => {
      if (portOf("moved") !== 2) return;
      end();
      proxy.moveTo(other.address); // while it pauses before its next request
    });
    await consul.register({ name: "moved", id: "moved", port: 2 });
    await until("the other agent's answers are seen", () =>
      ["moved", "waits"].every((name) => portOf(name) === 3),
    );
  });

  test("a query that is no longer wanted is no longer asked, and its answer is forgotten", async () => {
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

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Whether Consul is to hold it for long: not a read that waits for a server which lags behind. */
const isBlocking = (url: string): boolean => url.includes("wait=60000ms");
const isPlain = (url: string): boolean => !isBlocking(url);

/** Another address of the same Consul. @returns it */
async function standBefore(
  target: string,
  {
    below = "",
    onRequest = () => undefined,
    onAnswer = async () => undefined,
    ...where
  }: ListenOptions & {
    readonly below?: string;
    readonly onRequest?: (url: string) => unknown;
    /** What an answer waits for. Consul fails where this does. */
    readonly onAnswer?: (url: string, body: string) => Promise<void>;
  },
): Promise<string> {
  const server = createServer(({ url = "", headers }, outgoing) => {
    if (!url.startsWith(below)) return void outgoing.writeHead(404).end();
    // As many a gateway does.
    if (/\/kv\/[^?]*%2f/i.test(url)) return void outgoing.writeHead(400).end();
    onRequest(url);
    const onward = httpRequest(`${target}${url.slice(below.length)}`, { headers }, (answer) => {
      void pass(answer);
    });
    async function pass(answer: IncomingMessage): Promise<void> {
      const body = await buffer(answer);
      try {
        await onAnswer(url, body.toString("utf8"));
        outgoing.writeHead(answer.statusCode ?? 0, answer.headers).end(body);
      } catch {
        outgoing.writeHead(500).end();
      }
    }
    onward.on("error", () => outgoing.destroy());
    onward.end();
  });
  await new Promise<void>((resolve) => server.listen(where, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === "string"
    ? `unix://${address}`
    : `http://[::1]:${address?.port}${below}`;
}

function open(address: string, options: object = {}): CatalogStore {
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  const config = consulSchema.parse({ address, ...options });
  return createCatalogStore(
    consulSource(config, { log: pino({ level: "silent" }) }),
    ending.signal,
  );
}

const want = (store: CatalogStore, queries: readonly Query[]) =>
  store.want("test", new Map(queries.map((query) => [queryText(query), query])));

function statusOf(store: CatalogStore, name: string): Instance["status"] | undefined {
  return store.snapshot().get({ kind: "service", name })?.[0]?.status;
}
