import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Query, queryText } from "../../../src/catalog/query.ts";
import { type CatalogStore, createCatalogStore } from "../../../src/catalog/store.ts";
import { consulSchema } from "../../../src/config/consul-schema.ts";
import { consulSource } from "../../../src/source/consul/consul-source.ts";
import { request } from "../../helpers/request.ts";
import type { ConsulAgent } from "../../helpers/start-consul.ts";
import { testConsul, testDirectory } from "../../helpers/test-programs.ts";
import { until } from "../../helpers/until.ts";

const rules = (...resources: readonly string[]): string =>
  resources.map((resource) => `${resource} { policy = "read" }`).join("\n");
const ALL = rules('service_prefix ""', 'node_prefix ""', 'key_prefix ""');
const ONLY_WEB = rules('service_prefix "web"', 'node_prefix ""', 'key_prefix ""');
const NO_NODES = rules('service_prefix ""', 'key_prefix ""');
const SERVICES = { kind: "services" } as const;
const TREE = { kind: "tree", prefix: "edge/" } as const;
const KEY = { kind: "key", key: "edge/a" } as const;
const service = (name: string) => ({ kind: "service", name }) as const;
/** What is back in the token's sight is current after this long, with nothing else that changes. */
const RECOVERY_MS = 8_000;

const WEBS = ["web-0", "web-1", "web-2", "web-3", "web-4", "web-5"];
const OTHERS = ["api-0", "api-1", "db-0", "db-1", "db-2", "db-3"];
const NAMES = [...WEBS, ...OTHERS];

/** Each query has a blocking query of its own; or a few lists are watched. */
describe.each([
  ["each query by itself", 64],
  ["few connections", 9],
])("%s", (_, maxConnections) => {
  test("a policy that is narrowed deregisters nothing, and all is current once it is widened again", async () => {
    const { consul, open } = await stage();
    const { store, log } = await open({ maxConnections });
    await until("all is known", () => NAMES.every((name) => portOf(store, name) === 80));

    await consul.changePolicy("reader", ONLY_WEB);
    await consul.register({ name: "web-0", id: "web-0", port: 81 });
    await until("what is in sight is followed", () => portOf(store, "web-0") === 81);
    await consul.register({ name: "db-0", id: "db-0", port: 82 });
    await until("the loss is noticed", () => failureOf(store, SERVICES) !== undefined);
    expect(failureOf(store, SERVICES)).toMatch(
      /of 13 are gone from it that were not deregistered \(.*\): the token's policy sees less/,
    );
    // Whatever else happens in the catalog, the last answers stay.
    await consul.register({ name: "web-new", id: "web-new", port: 80 });
    await until("a new service is listed", () => namesOf(store).includes("web-new"));
    await consul.deregister("web-1");
    await until("a deregistration is believed", () => countOf(store, "web-1") === 0);
    await until("the list has it no more", () => !namesOf(store).includes("web-1"));
    expect(OTHERS.map((name) => portOf(store, name))).toEqual(OTHERS.map(() => 80));
    expect(namesOf(store)).toEqual(expect.arrayContaining([...OTHERS, "consul"]));
    expect(log.filter(({ level }) => level >= 40).length).toBeLessThan(5);

    await consul.changePolicy("reader", ALL);
    await until("all is current", () => portOf(store, "db-0") === 82, { patienceMs: RECOVERY_MS });
    await until("nothing fails", () => store.failures().size === 0, { patienceMs: RECOVERY_MS });
    expect(log.at(-1)?.msg).toBe("Consul's token sees again what it saw before");
  });

  test("a token file that is emptied, and filled again while services are deployed", async () => {
    const { consul, token, open } = await stage();
    const directory = await testDirectory();
    const tokenFile = directory.at("token");
    await writeFile(tokenFile, token);
    const { store } = await open({ maxConnections, tokenFile });
    await until("all is known", () => NAMES.every((name) => portOf(store, name) === 80));
    await writeFile(tokenFile, "");
    await until("the loss is noticed", () => failureOf(store, SERVICES) !== undefined, {
      patienceMs: 5_000,
    });
    expect(failureOf(store, SERVICES)).toContain("sees no service, not even consul");
    for (const name of NAMES) await consul.register({ name, id: name, port: 81 });
    await until("each answer is doubted", () =>
      NAMES.every((name) => failureOf(store, service(name)) !== undefined),
    );
    expect(NAMES.map((name) => portOf(store, name))).toEqual(NAMES.map(() => 80));
    await writeFile(tokenFile, token);
    await until("all is current", () => NAMES.every((name) => portOf(store, name) === 81), {
      patienceMs: 5_000,
    });
    await until("nothing fails", () => store.failures().size === 0, { patienceMs: RECOVERY_MS });

    // A file that is away for a moment has no other token.
    await rm(tokenFile);
    await writeFile(tokenFile, token);
    await consul.deregister("web-0");
    await until("it is followed", () => countOf(store, "web-0") === 0);
  });

  test("a token that may read services and not nodes: no service without an instance, until it may", async () => {
    const { consul, open } = await stage();
    await consul.changePolicy("reader", NO_NODES);
    const { store, log } = await open({ maxConnections });
    await until("each answer is doubted", () =>
      NAMES.every((name) => failureOf(store, service(name)) !== undefined),
    );
    expect(failureOf(store, service("web-0"))).toMatch(
      /may read services but not nodes|may not read nodes/,
    );
    expect(NAMES.filter((name) => countOf(store, name) !== undefined)).toEqual([]);
    await consul.changePolicy("reader", ALL);
    await until("all is known", () => NAMES.every((name) => portOf(store, name) === 80), {
      patienceMs: 15_000,
    });
    await until("nothing fails", () => store.failures().size === 0, { patienceMs: RECOVERY_MS });

    await consul.changePolicy("reader", NO_NODES);
    await consul.register({ name: "web-0", id: "web-0", port: 81 });
    await until("the loss is noticed", () => failureOf(store, service("web-0")) !== undefined);
    await consul.deregister("web-1");
    expect(portOf(store, "web-0")).toBe(80);
    await consul.changePolicy("reader", ALL);
    await until("all is current", () => portOf(store, "web-0") === 81, { patienceMs: RECOVERY_MS });
    await until("also what went", () => countOf(store, "web-1") === 0, { patienceMs: RECOVERY_MS });
    expect(log.filter(({ level }) => level >= 40).length).toBeLessThan(6);
  });

  test("deregistrations are believed at once, and nobody is warned", async () => {
    const { consul, open } = await stage();
    const { store, log } = await open({ maxConnections });
    await until("all is known", () => NAMES.every((name) => portOf(store, name) === 80));
    const took: number[] = [];
    for (const name of ["web-0", "db-1"]) {
      const beginMs = performance.now();
      await consul.deregister(name);
      await until("it is gone", () => countOf(store, name) === 0);
      await until("the list has it no more", () => !namesOf(store).includes(name));
      took.push(performance.now() - beginMs);
    }
    expect(Math.max(...took)).toBeLessThan(1_500);
    const rest = NAMES.filter((name) => countOf(store, name) !== 0);
    await Promise.all(rest.map(async (name) => await consul.deregister(name)));
    await until("all are gone", () => NAMES.every((name) => countOf(store, name) === 0));
    await until("the list is empty", () => namesOf(store).length === 1);
    await consul.register({ name: "web-0", id: "web-0", port: 83 });
    await until("one is back", () => portOf(store, "web-0") === 83);
    expect(store.failures().size).toBe(0);
    expect(log.filter(({ level }) => level >= 40)).toEqual([]);
  });
});

test("keys that the token may no longer read stay, those that were removed go", async () => {
  const { consul, open } = await stage();
  for (const key of ["a", "b/1", "b/2", "c"]) await consul.putKey(`edge/${key}`, key);
  const { store } = await open({ queries: [TREE, KEY] });
  const keys = () =>
    store
      .snapshot()
      .get(TREE)
      ?.map(({ key }) => key);
  await until("all is known", () => keys()?.length === 4);
  await consul.changePolicy("reader", rules('service_prefix ""', 'key_prefix "edge/b"'));
  await consul.putKey("edge/b/1", "new");
  await consul.deleteKey("edge/b/2");
  await until("the tree is doubted", () => failureOf(store, TREE) !== undefined);
  expect(failureOf(store, TREE)).toContain("may not read 2 of its 4 keys any more");
  await until("the rest is followed", () => store.snapshot().get(TREE)?.[1]?.value === "new");
  expect(keys()).toEqual(["edge/a", "edge/b/1", "edge/c"]);
  await consul.deleteKey("edge/c");
  await consul.changePolicy("reader", ALL);
  await until("all is current", () => keys()?.length === 2 && store.failures().size === 0);
  await consul.deleteKey("edge/a");
  await until("a removed key is gone", () => store.snapshot().get(KEY) === null);
  await until("also from the tree", () => keys()?.length === 1);

  await consul.changePolicy("reader", rules('service_prefix ""', 'key_prefix "other"'));
  const blind = await open({ queries: [TREE] });
  await until("an empty tree is doubted", () => failureOf(blind.store, TREE) !== undefined);
  expect(blind.store.snapshot().get(TREE)).toBeUndefined();
  const other = { kind: "tree", prefix: "other/" } as const;
  const empty = await open({ queries: [other] });
  await until("one that is empty is not", () => empty.store.snapshot().get(other) !== undefined);
});

test("nodes that are out of sight stay, those that were deregistered go", async () => {
  const { consul, open } = await stage();
  const nodes = { kind: "nodes" } as const;
  const east = { kind: "node", node: "east" } as const;
  const { store } = await open({ wait: "1s", queries: [nodes, east] });
  for (const Node of ["east", "west", "south"]) {
    await put(consul, "catalog/register", { Node, Address: "10.0.0.1" });
  }
  const names = () =>
    store
      .snapshot()
      .get(nodes)
      ?.map(({ name }) => name) ?? [];
  await until("all are known", () => names().length === 4 && store.snapshot().get(east) !== null);
  await consul.changePolicy("reader", rules('service_prefix ""', 'node_prefix "s"'));
  await put(consul, "catalog/deregister", { Node: "west" });
  await until("the list is doubted", () => failureOf(store, nodes) !== undefined);
  await until("the node as well", () => failureOf(store, east) !== undefined);
  await until("what went is gone", () => !names().includes("west"));
  expect(names()).toEqual(expect.arrayContaining(["east", "south"]));
  expect(store.snapshot().get(east)).toMatchObject({ name: "east" });
  await consul.changePolicy("reader", ALL);
  await until("nothing fails", () => store.failures().size === 0, { patienceMs: RECOVERY_MS });
  await put(consul, "catalog/deregister", { Node: "east" });
  await until("a deregistered node is gone", () => store.snapshot().get(east) === null);
  await until("also from the list", () => !names().includes("east"));
});

test("without a token nothing is seen, and nothing is answered", async () => {
  const { open } = await stage();
  const nodes = { kind: "nodes" } as const;
  const { store } = await open({ token: undefined, queries: [SERVICES, nodes, service("web-0")] });
  await until("all are doubted", () => store.failures().size === 3);
  expect([...store.failures().values()].map(({ code }) => code)).toEqual(
    expect.arrayContaining(["CONSUL_UNSEEN"]),
  );
  expect(failureOf(store, SERVICES)).toContain("it is empty: the token sees no service");
  expect(failureOf(store, nodes)).toContain("the token may not read nodes");
  expect(store.snapshot().get(SERVICES)).toBeUndefined();
  expect(store.snapshot().get(service("web-0"))).toBeUndefined();
});

test("a service that nobody ever registered has no instance, whatever the token sees", async () => {
  const { consul, open } = await stage();
  const { store } = await open({ queries: [service("nobody"), service("web-0")] });
  await until("both are answered", () => countOf(store, "nobody") === 0);
  await consul.changePolicy("reader", ONLY_WEB);
  const narrow = await open({ queries: [service("nobody")] });
  await until("it is answered", () => countOf(narrow.store, "nobody") === 0);
  expect(narrow.store.failures().size).toBe(0);
});

test("a prepared query that is not there, of a Consul that sends an index with its 404", async () => {
  // As Consul 1.14 answers.
  const server = createServer((_, reply) => {
    reply.writeHead(404, { "x-consul-index": "1" }).end("Query not found");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const query = { kind: "prepared", prepared: "nope" } as const;
  const { store } = follow({ address }, [query]);
  await until("it fails", () => failureOf(store, query) !== undefined);
  expect(failureOf(store, query)).toContain("404 Query not found");
  expect(store.failures().get(queryText(query))?.hint).toContain("Create the prepared query");
});

/** A Consul with ACLs, twelve services, and a token that sees everything. */
async function stage() {
  const consul = await testConsul({ acl: true });
  await consul.register({ name: "former", id: "former", port: 80 });
  await consul.deregister("former");
  for (const name of NAMES) await consul.register({ name, id: name, port: 80 });
  await consul.createPolicy("reader", ALL);
  const token = await consul.createToken(["reader"]);
  const open = async ({
    queries = [SERVICES, ...NAMES.map(service)],
    ...config
  }: {
    readonly queries?: readonly Query[];
    readonly maxConnections?: number;
    readonly tokenFile?: string;
    readonly wait?: string;
    readonly token?: string | undefined;
  } = {}) => {
    const own = "tokenFile" in config || "token" in config ? {} : { token };
    return follow({ address: consul.address, ...own, ...config }, queries);
  };
  return { consul, token, open };
}

/** Follows these queries, and keeps what is logged. */
function follow(config: object, queries: readonly Query[]) {
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  const lines: { readonly level: number; readonly msg: string }[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const source = consulSource(consulSchema.parse(config), { log });
  const store = createCatalogStore(source, ending.signal);
  store.want("test", new Map(queries.map((query) => [queryText(query), query])));
  return { store, log: lines };
}

const portOf = (store: CatalogStore, name: string): number | undefined =>
  store.snapshot().get(service(name))?.[0]?.port;

const countOf = (store: CatalogStore, name: string): number | undefined =>
  store.snapshot().get(service(name))?.length;

const namesOf = (store: CatalogStore): readonly string[] =>
  store
    .snapshot()
    .get(SERVICES)
    ?.map(({ name }) => name) ?? [];

const failureOf = (store: CatalogStore, query: Query): string | undefined =>
  store.failures().get(queryText(query))?.message;

async function put(
  { address, token = "" }: ConsulAgent,
  path: string,
  body: object,
): Promise<void> {
  const reply = await request(`${address}/v1/${path}`, {
    method: "PUT",
    headers: { "x-consul-token": token },
    body: JSON.stringify(body),
  });
  expect(reply.status).toBe(200);
}
