import { pino } from "pino";
import { afterAll, beforeAll, describe, onTestFinished, test } from "vitest";
import { type Query, queryText, type ServiceQuery } from "../../src/catalog/query.ts";
import { type CatalogStore, createCatalogStore } from "../../src/catalog/store.ts";
import { consulSchema } from "../../src/config/consul-schema.ts";
import { consulSource } from "../../src/source/consul/consul-source.ts";
import { writeLastKnownGood } from "../../src/source/last-known-good/last-known-good-file.ts";
import { lastKnownGoodSource } from "../../src/source/last-known-good/last-known-good-source.ts";
import { type Fault, type FaultProxy, startFaultProxy } from "../helpers/fault-proxy.ts";
import { type ConsulAgent, startConsul } from "../helpers/start-consul.ts";
import { type SteppedClock, steppedClock } from "../helpers/stepped-clock.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { until } from "../helpers/until.ts";

/*
 * A real agent behind a proxy that spoils its answers: with a blocking query for each service, with the aggregate
 * watch, and with the aggregate watch that has connections for each node as well.
 */

let consul: ConsulAgent;
beforeAll(async () => {
  consul = await startConsul();
});
afterAll(async () => await consul.stop());

/** Connections for the aggregate watch's four queries, one on the agent's only node, and two for reads. */
const WATCHES_NODES = 8;
const STRATEGIES = [
  ["a query for each service", 12],
  ["the aggregate watch", 6],
  ["the aggregate watch with its nodes", WATCHES_NODES],
] as const;
const SERVICES = 10;
const MOST_BYTES = 1_000_000;
/** How soon after Consul's return a change has to be seen. */
const RECOVERY_MS = 5_000;
/** After this retries are as rare as they get. */
const OUTAGE_MS = 8_000;

const FAULTS: readonly [Fault, string, string][] = [
  ["refuse", "socket hang up", "runs"],
  ["break-off", "the answer broke off", "runs"],
  ["truncate-json", "is not JSON", "any proxy in between"],
  ["html", "is not JSON", "any proxy in between"],
  ["no-leader", "500 No cluster leader", "log"],
  ["forbidden", "403 Permission denied", "policy"],
  ["too-many", "429", "http_max_conns_per_client"],
  ["index-zero", "X-Consul-Index is 0", "any proxy in between"],
  ["index-missing", "X-Consul-Index is missing", "any proxy in between"],
  ["huge", "larger than 1000000 bytes", "Ask for less"],
  ["slow-bytes", "timed out", "runs"],
];

describe.each(STRATEGIES)("with %s", (strategy, maxConnections) => {
  test.concurrent.for(FAULTS)(
    "%s: the last answers stay, the reason is reported, retries are few, and a change is seen within 5 s of its end",
    async ([fault, words, hint], { onTestFinished: atEnd }) => {
      const { store, proxy, names, first } = await served(`${maxConnections}-${fault}`, {
        maxConnections,
        atEnd,
      });
      const before = store.snapshot();

      proxy.setFault(fault);
      await consul.setHealth(first, "fail");
      await until(`${strategy}: the failure is reported`, () => {
        const failure = store.failures().get(queryText(service(first)));
        return failure?.message.includes(words) && failure.hint.includes(hint);
      });
      const begin = performance.now();
      const requests = proxy.requests();
      await until(
        "it was tried again",
        () => performance.now() > begin + 1_000 && proxy.requests() > requests + 2,
      );
      const perSecond = (1_000 * (proxy.requests() - requests)) / (performance.now() - begin);
      if (perSecond > 50) throw new Error(`${perSecond} requests per second`);
      if (store.snapshot() !== before) throw new Error("the snapshot changed");

      proxy.setFault("pass");
      await seenInTime(store, first);
      await until("no query fails", () => store.failures().size === 0);
      if (names.some((name) => statusOf(store, name) === undefined))
        throw new Error("an answer was lost");
    },
  );

  test.concurrent("an index that goes backwards: everything is read again, and later changes are seen", async ({
    onTestFinished: atEnd,
  }) => {
    const { store, proxy, names, first } = await served(`${maxConnections}-back`, {
      maxConnections,
      atEnd,
    });
    proxy.setFault("index-back");
    for (const health of ["fail", "pass", "fail"] as const) {
      await consul.setHealth(first, health);
      const status = health === "fail" ? "critical" : "passing";
      await until(`it is ${status}`, () => statusOf(store, first) === status);
    }
    if (names.some((name) => statusOf(store, name) === undefined)) throw new Error("lost");
  });

  test.concurrent("a connection that is half open is noticed, and its query is sent again", async ({
    onTestFinished: atEnd,
  }) => {
    const { store, proxy, first } = await served(`${maxConnections}-half`, {
      maxConnections,
      atEnd,
    });
    proxy.setFault("stall");
    const failure = await until("the silence is noticed", () =>
      store.failures().get(queryText(service(first))),
    );
    if (!failure.message.includes("timed out")) throw new Error(failure.message);
    await consul.setHealth(first, "fail");
    proxy.setFault("pass");
    await seenInTime(store, first);
  });

  test.concurrent("a key that is forbidden for good holds up no other query after an outage", async ({
    onTestFinished: atEnd,
  }) => {
    const { store, proxy, names, first } = await served(`${maxConnections}-key`, {
      maxConnections,
      atEnd,
    });
    proxy.forbid("/v1/kv/");
    want(store, names, [{ kind: "key", key: "forbidden" }]);
    const keyFailure = () => store.failures().get('key "forbidden"')?.message;
    await until("it is refused", () => keyFailure()?.includes("403"));
    proxy.setFault("refuse");
    await consul.setHealth(first, "fail");
    await until("all of it is away", () => keyFailure()?.includes("socket hang up"));
    await until("the failure is reported", () => store.failures().has(queryText(service(first))));
    proxy.setFault("pass");
    // Well before it would be if the others waited for the key.
    await seenInTime(store, first, 2_500);
    await until("the key is refused", () => keyFailure()?.includes("403"));
  });

  test.concurrent("a query that is refused first at a start does not make the last known good catalog the fallback", async ({
    onTestFinished: atEnd,
  }) => {
    const prefix = `${maxConnections}-start`;
    const directory = await tempDirectory();
    atEnd(() => directory.remove());
    const path = directory.at("snapshot.json");
    await writeLastKnownGood(path, [{ query: service(prefix), value: [] }], new Date());
    await consul.register({ name: prefix, id: prefix, port: 80 });
    const proxy = await startFaultProxy(consul.address);
    atEnd(() => proxy.stop());
    proxy.forbid("/v1/kv/");
    const ending = new AbortController();
    atEnd(() => ending.abort(new Error("the test is finished")));
    const log = pino({ level: "silent" });
    const config = consulSchema.parse({ address: proxy.address, maxConnections });
    const inner = consulSource(config, { log });
    const source = lastKnownGoodSource(inner, { path, maxAgeMs: 60_000, log });
    const store = createCatalogStore(source, ending.signal);
    const key: Query = { kind: "key", key: "forbidden" };
    store.want("test", new Map([[queryText(key), key]]));
    want(store, [prefix], [key]);
    await until("the key is refused", () => store.failures().has(queryText(key)));
    await until("the service is seen", () => statusOf(store, prefix) === "passing");
    if (store.fallbackSince() !== undefined)
      throw new Error("the last known good catalog is the fallback");
  });

  test.concurrent("an hour of outage: no answer is lost, and within 5 s of Consul's return it goes on", async ({
    onTestFinished: atEnd,
  }) => {
    const clock = steppedClock();
    const { store, proxy, first } = await served(`${maxConnections}-hour`, {
      maxConnections,
      atEnd,
      clock,
    });
    const before = store.snapshot();
    proxy.setFault("no-leader");
    await consul.setHealth(first, "fail");
    await until("the failure is reported", () => store.failures().size > 0);
    for (let minute = 0; minute < 60; minute += 1) {
      const requests = proxy.requests();
      await until("it is tried again", () => {
        clock.advance(500);
        return proxy.requests() > requests;
      });
      clock.advance(60_000);
    }
    if (store.snapshot() !== before) throw new Error("the snapshot changed");
    proxy.setFault("pass");
    const backMs = clock.now();
    await until("the change is seen", () => {
      clock.advance(50);
      return statusOf(store, first) === "critical";
    });
    if (clock.now() - backMs > RECOVERY_MS) throw new Error(`it took ${clock.now() - backMs} ms`);
  });

  test.concurrent("after a real outage, long enough for the slowest retries, a change is seen within 5 s of Consul's return", async ({
    onTestFinished: atEnd,
  }) => {
    const agent = await startConsul();
    atEnd(() => agent.stop());
    const names = Array.from({ length: SERVICES }, (_, i) => `real-${maxConnections}-${i}`);
    const fill = async () => {
      for (const name of names) await agent.register({ name, id: name, port: 80 });
    };
    await fill();
    const store = open(agent.address, { maxConnections }, { atEnd });
    want(store, names);
    const seen = () => names.filter((name) => statusOf(store, name) !== undefined).length;
    await until(`${strategy}: all are known`, () => seen() === SERVICES);
    const before = store.snapshot();
    await agent.kill();
    const killedMs = performance.now();
    await until("it is away for long", () => performance.now() - killedMs > OUTAGE_MS);
    if (store.snapshot() !== before) throw new Error("the snapshot changed");
    await agent.startAgain();
    const backMs = performance.now();
    await until("its answers are used", () => store.snapshot() !== before);
    const tookMs = performance.now() - backMs;
    if (tookMs > RECOVERY_MS) throw new Error(`it took ${tookMs} ms`);
  });
});

describe.each(STRATEGIES)("with %s", (strategy, maxConnections) => {
  test("an agent that comes back empty, then fills again, is followed both times, all at once", async () => {
    const agent = await startConsul();
    onTestFinished(() => agent.stop());
    const names = Array.from({ length: SERVICES }, (_, i) => `empty-${maxConnections}-${i}`);
    const fill = async () => {
      for (const name of names) await agent.register({ name, id: name, port: 80 });
    };
    await fill();
    const store = open(agent.address, { maxConnections }, { atEnd: onTestFinished });
    want(store, names);
    const counts = new Set<number>();
    const count = () => names.filter((name) => statusOf(store, name) !== undefined).length;
    await until(`${strategy}: all are known`, () => count() === SERVICES);
    let last = store.snapshot();
    store.onChange(() =>
      queueMicrotask(() => {
        if (store.snapshot() === last) return; // a query began to fail: no answer changed
        last = store.snapshot();
        counts.add(count());
      }),
    );

    await agent.kill();
    await until("it is away", () => store.failures().size > 0);
    await agent.startAgain();
    await until("no service is left", () => count() === 0);
    if ([...counts].some((it) => it !== 0)) throw new Error(`partly: ${[...counts].join()}`);
    await fill();
    await until("all are back", () => count() === SERVICES);
  });
});

test("a node that may not be read any more: its changes are found by polling, and it is watched again once that is allowed", async () => {
  const clock = steppedClock();
  const maxConnections = WATCHES_NODES;
  const ends = { atEnd: onTestFinished, clock };
  const { store, proxy, first } = await served("hidden-node", { maxConnections, ...ends });
  const change = async (round: string) => {
    await consul.register({ name: first, id: first, port: 80, meta: { round } });
    await until(`change ${round} is seen`, () => {
      clock.advance(50);
      return store.snapshot().get(service(first))?.[0]?.meta["round"] === round;
    });
  };
  // A read that only waits for a server which lags behind waits for less.
  const isWatched = () => proxy.waiting().some((it) => /catalog\/node\/.*wait=2000ms/.test(it));
  const untilWatched = (isIt: boolean) =>
    until(`the node is ${isIt ? "" : "not "}watched`, () => {
      clock.advance(50);
      return isWatched() === isIt;
    });
  await untilWatched(true);
  await change("while it is watched");
  proxy.forbid("/v1/catalog/node/");
  await change("as the node's watch is refused");
  await untilWatched(false);
  await change("while nothing watches it");
  proxy.forbid("/nothing");
  clock.advance(30_000);
  await untilWatched(true);
  await change("again");
});

const service = (name: string): ServiceQuery => ({ kind: "service", name });

interface Served {
  readonly store: CatalogStore;
  readonly proxy: FaultProxy;
  readonly names: readonly string[];
  readonly first: string;
}

type AtEnd = (work: () => void | Promise<void>) => void;
interface Ends {
  readonly atEnd: AtEnd;
  readonly clock?: SteppedClock;
}

async function served(
  prefix: string,
  { maxConnections, ...ends }: Ends & { readonly maxConnections: number },
): Promise<Served> {
  const names = Array.from({ length: SERVICES }, (_, i) => `${prefix}-${i}`);
  for (const name of names) await consul.register({ name, id: name, port: 80 });
  const proxy = await startFaultProxy(consul.address);
  ends.atEnd(() => proxy.stop());
  const store = open(proxy.address, { maxConnections, wait: "2s" }, ends);
  want(store, names);
  await until("all are answered", () => {
    ends.clock?.advance(50);
    return names.every((name) => statusOf(store, name) === "passing");
  });
  return { store, proxy, names, first: names[0] as string };
}

function open(address: string, options: object, { atEnd, clock }: Ends): CatalogStore {
  const ending = new AbortController();
  atEnd(() => ending.abort(new Error("the test is finished")));
  const config = consulSchema.parse({ address, ...options });
  const log = pino({ level: "silent" });
  const source = consulSource(config, {
    log,
    mostBytes: MOST_BYTES,
    ...(clock === undefined ? {} : { clock }),
  });
  return createCatalogStore(source, ending.signal);
}

function want(store: CatalogStore, names: readonly string[], more: readonly Query[] = []): void {
  const queries = [...names.map(service), ...more];
  store.want("test", new Map(queries.map((query) => [queryText(query), query])));
}

/** That it became critical, since Consul is back. */
async function seenInTime(
  store: CatalogStore,
  name: string,
  withinMs = RECOVERY_MS,
): Promise<void> {
  const backMs = performance.now();
  await until("the change is seen", () => statusOf(store, name) === "critical");
  const tookMs = performance.now() - backMs;
  if (tookMs > withinMs) throw new Error(`it took ${tookMs} ms`);
}

const statusOf = (store: CatalogStore, name: string) =>
  store.snapshot().get(service(name))?.[0]?.status;
