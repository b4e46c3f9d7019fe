import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
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
import { type ConsulAgent, startConsul } from "../../helpers/start-consul.ts";
import { until } from "../../helpers/until.ts";

/*
 * A blocking query each, and the doorbell: both are to see the same catalog, whatever happens to it.
 * `FAIRLEAD_CHANGES=100000 SEED=7 npx vitest run test/source/consul/strategies` makes a long run of it.
 */

const SEED = Number(process.env["SEED"] ?? 1);
const CHANGES = Number(process.env["FAIRLEAD_CHANGES"] ?? 1_000);
const IN_A_TRANSACTION = 20;
const BETWEEN_LOOKS = 200;
const SERVICES = 40;
/** How long a change may take to be seen, on a slow, busy machine. */
const BOUND_MS = 20_000;

let consul: ConsulAgent;
beforeAll(async () => {
  consul = await startConsul();
});
afterAll(async () => await consul.stop());

describe("following a query each, and the doorbell", () => {
  test("see the same catalog after every stretch of a random history", {
    timeout: 3_600_000,
  }, async () => {
    const catalog = await randomCatalog(consul.address, {
      random: seededRandom(SEED),
      services: SERVICES,
      prefix: "history",
    });
    const queries = queriesOf(catalog);
    const stores = [open(queries.length), open(12)];
    for (const store of stores) want(store, queries);
    await bothSee(catalog, stores);
    for (let done = 0; done < CHANGES; ) {
      for (let i = 0; i < BETWEEN_LOOKS; i += IN_A_TRANSACTION) {
        await catalog.change(IN_A_TRANSACTION);
      }
      done += BETWEEN_LOOKS;
      await bothSee(catalog, stores);
    }
  });

  test("a lone change of any kind is seen by the doorbell", async () => {
    const catalog = await randomCatalog(consul.address, {
      random: seededRandom(SEED),
      services: SERVICES,
      prefix: "lone",
    });
    const store = open(12);
    want(store, queriesOf(catalog));
    await bothSee(catalog, [store]);
    for (const kind of new Set(CHANGE_KINDS)) {
      await catalog.changeOne(kind);
      await bothSee(catalog, [store]);
    }
  });
});

/** Plain, by tag and by nearness; and the lists. */
function queriesOf({ names }: RandomCatalog): readonly Query[] {
  const about = (name: string, i: number): readonly Query[] => [
    { kind: "service", name },
    ...(i % 4 === 0 ? [{ kind: "service", name, tag: "a" } as const] : []),
    ...(i % 5 === 0 ? [{ kind: "service", name, near: "_agent" } as const] : []),
  ];
  return [{ kind: "services" }, { kind: "nodes" }, ...names.flatMap(about)];
}

async function bothSee(catalog: RandomCatalog, stores: readonly CatalogStore[]): Promise<void> {
  await until(
    "the snapshots are what the catalog is",
    () => {
      for (const [i, store] of stores.entries()) {
        expectSeen(catalog, store.snapshot(), `strategy ${i + 1} of ${stores.length}`);
      }
      const [first, ...others] = stores.map((store) =>
        queriesOf(catalog).map((query) => inAnyOrder(store.snapshot().get(query))),
      );
      for (const other of others) expect(other).toEqual(first);
      return true;
    },
    { patienceMs: BOUND_MS },
  );
}

function expectSeen(catalog: RandomCatalog, snapshot: Snapshot, by: string): void {
  for (const name of catalog.names) {
    const instances = snapshot.get({ kind: "service", name }) ?? [];
    expect(inAnyOrder(instances), by).toEqual(
      inAnyOrder(
        catalog.expected(name).map((instance) => ({
          ...instance,
          datacenter: "dc1",
          createIndex: expect.any(Number) as number,
        })),
      ),
    );
  }
}

/** By nearness, instances on equally near nodes stand in any order. */
const inAnyOrder = (value: unknown): unknown =>
  Array.isArray(value)
    ? (value as readonly Partial<Instance>[]).toSorted((a, b) =>
        (a.id ?? "") < (b.id ?? "") ? -1 : 1,
      )
    : value;

function open(maxConnections: number): CatalogStore {
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  const config = consulSchema.parse({ address: consul.address, maxConnections });
  const log = pino({ level: "silent" });
  return createCatalogStore(consulSource(config, { log }), ending.signal);
}

const want = (store: CatalogStore, queries: readonly Query[]) =>
  store.want("test", new Map(queries.map((query) => [queryText(query), query])));
