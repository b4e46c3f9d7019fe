import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Instance } from "../../../src/catalog/instance.ts";
import { type Query, queryText } from "../../../src/catalog/query.ts";
import type { Snapshot } from "../../../src/catalog/snapshot.ts";
import { type CatalogStore, createCatalogStore } from "../../../src/catalog/store.ts";
import { consulSchema } from "../../../src/config/consul-schema.ts";
import { consulSource } from "../../../src/source/consul/consul-source.ts";
import {
  CHANGE_KINDS,
  type RandomCatalog,
  randomCatalog,
  seededRandom,
} from "../../helpers/random-catalog.ts";
import { request } from "../../helpers/request.ts";
import { type ConsulAgent, startConsul } from "../../helpers/start-consul.ts";
import { until } from "../../helpers/until.ts";

/*
 * Dedicated queries and the aggregate watch must see the same catalog, whatever happens to it.
 * `FAIRLEAD_CHANGES=100000 SEED=7 npx vitest run test/source/consul/strategies` makes a long run of it.
 */

const SEED = Number(process.env["SEED"] ?? 1);
const CHANGES = Number(process.env["FAIRLEAD_CHANGES"] ?? 1_000);
const IN_A_TRANSACTION = 20;
const BETWEEN_COMPARISONS = 40;
/**
 * With few nodes the aggregate watch reads node by node, many services together; with many it reads the list of all checks
 * and each service.
 */
const SHAPES = [
  { what: "few nodes", services: 60, nodes: 8 },
  { what: "many nodes", services: 30, nodes: 20 },
] as const;
/**
 * How long a change may take to be seen. By design: a pass over the services that is due rests at most 3 s after the one before, the one
 * after that may be the first to meet the change, and a read waits at most a quarter of a second for a server which
 * lags behind; what is left is for a busy machine.
 */
const BOUND_MS = 10_000;

/** One for each test: an agent counts blocking queries whose client has gone until their wait is over, up to 200. */
async function ownConsul(): Promise<ConsulAgent> {
  const consul = await startConsul();
  onTestFinished(() => consul.stop());
  return consul;
}

describe("dedicated queries and the aggregate watch", () => {
  test.each(SHAPES)(
    "see the same catalog after every stretch of a random history: $what",
    {
      timeout: 3_600_000,
    },
    async ({ services, nodes }) => {
      const consul = await ownConsul();
      const catalog = await randomCatalog(consul.address, {
        random: seededRandom(SEED),
        services,
        nodes,
        prefix: `history-${nodes}`,
      });
      const queries = queriesOf(catalog);
      // A query each; the aggregate watch with few sockets; with enough for a blocking query on each of few nodes; and with
      // some left for services that changed lately.
      const stores = [queries.length, 12, 40, queries.length - 1].map((most) => open(most, consul));
      for (const store of stores) want(store, queries);
      await allSee(catalog, stores);
      for (let done = 0; done < CHANGES; ) {
        for (let i = 0; i < BETWEEN_COMPARISONS; i += IN_A_TRANSACTION) {
          await catalog.change(IN_A_TRANSACTION);
        }
        done += BETWEEN_COMPARISONS;
        await allSee(catalog, stores);
      }
    },
  );

  test.each(SHAPES)(
    "a single change of any kind is seen by the aggregate watch: $what",
    async ({ services, nodes }) => {
      const consul = await ownConsul();
      const catalog = await randomCatalog(consul.address, {
        random: seededRandom(SEED),
        services,
        nodes,
        prefix: `lone-${nodes}`,
      });
      const stores = [12, 40].map((most) => open(most, consul));
      for (const store of stores) want(store, queriesOf(catalog));
      await allSee(catalog, stores);
      for (const kind of new Set(CHANGE_KINDS)) {
        await catalog.changeOne(kind);
        await allSee(catalog, stores);
      }
    },
  );

  test("see the same catalog of another datacenter, asked through an agent of this one", async () => {
    const here = await ownConsul();
    const other = await startConsul({ datacenter: "dc2", joinWan: here.wanAddress });
    onTestFinished(() => other.stop());
    await until("this datacenter knows the other one", async () => {
      const { status } = await request(`${here.address}/v1/catalog/nodes?dc=dc2`);
      return status === 200;
    });
    const catalog = await randomCatalog(other.address, {
      ...SHAPES[0],
      random: seededRandom(SEED),
      datacenter: "dc2",
      prefix: "elsewhere",
    });
    const queries = queriesOf(catalog);
    const stores = [open(queries.length, here), open(12, here)];
    for (const store of stores) want(store, queries);
    await allSee(catalog, stores);
    for (let i = 0; i < 10; i += 1) {
      await catalog.change(IN_A_TRANSACTION);
      await allSee(catalog, stores);
    }
  });
});

/** Plain, by tag and by nearness; and the lists. */
function queriesOf({ names, datacenter }: RandomCatalog): readonly Query[] {
  const at = datacenter === "dc1" ? {} : { datacenter };
  const about = (name: string, i: number): readonly Query[] => [
    { kind: "service", name, ...at },
    ...(i % 4 === 0 ? [{ kind: "service", name, tag: "a", ...at } as const] : []),
    ...(i % 5 === 0 ? [{ kind: "service", name, near: "_agent", ...at } as const] : []),
  ];
  return [{ kind: "services", ...at }, { kind: "nodes", ...at }, ...names.flatMap(about)];
}

async function allSee(catalog: RandomCatalog, stores: readonly CatalogStore[]): Promise<void> {
  const compared: number[] = [];
  let unlike: unknown;
  await until(
    "the snapshots are what the catalog is",
    () => {
      // Comparing takes as long as following does: only what is new is compared.
      const versions = stores.map((store) => store.snapshot().version);
      if (versions.every((version, i) => version === compared[i])) throw unlike;
      compared.splice(0, Infinity, ...versions);
      try {
        expectAllSeen(catalog, stores);
        return true;
      } catch (error) {
        unlike = error;
        throw error;
      }
    },
    { patienceMs: BOUND_MS },
  );
}

function expectAllSeen(catalog: RandomCatalog, stores: readonly CatalogStore[]): void {
  for (const [i, store] of stores.entries()) {
    expectSeen(catalog, store.snapshot(), `strategy ${i + 1} of ${stores.length}`);
  }
  const [first, ...others] = stores.map((store) =>
    queriesOf(catalog).map((query) => inAnyOrder(store.snapshot().get(query))),
  );
  for (const other of others) expect(other).toEqual(first);
}

function expectSeen(catalog: RandomCatalog, snapshot: Snapshot, by: string): void {
  const { datacenter } = catalog;
  const elsewhere = datacenter === "dc1" ? {} : { datacenter };
  for (const name of catalog.names) {
    const instances = snapshot.get({ kind: "service", name, ...elsewhere }) ?? [];
    expect(inAnyOrder(instances), by).toEqual(
      inAnyOrder(
        catalog.expected(name).map((instance) => ({
          ...instance,
          datacenter,
          createIndex: expect.any(Number) as number,
        })),
      ),
    );
  }
}

/** By nearness, instances on equally near nodes come in any order. */
const inAnyOrder = (value: unknown): unknown =>
  Array.isArray(value)
    ? (value as readonly Partial<Instance>[]).toSorted((a, b) =>
        (a.id ?? "") < (b.id ?? "") ? -1 : 1,
      )
    : value;

function open(maxConnections: number, { address }: ConsulAgent): CatalogStore {
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  const config = consulSchema.parse({ address, maxConnections });
  const log = pino({ level: "silent" });
  return createCatalogStore(consulSource(config, { log }), ending.signal);
}

const want = (store: CatalogStore, queries: readonly Query[]) =>
  store.want("test", new Map(queries.map((query) => [queryText(query), query])));
