import type { AppError } from "../../../errors.ts";
import type { ConsulContext } from "../consul-context.ts";
import { readInBulk } from "./bulk-reader.ts";
import type { CatalogLists } from "./catalog-lists.ts";
import { createChangeFinder } from "./find-changed-services.ts";
import { createHealthReconciler, type HealthReconciler } from "./health-reconciler.ts";
import { createHotServiceWatches } from "./hot-service-watches.ts";
import { createReadQueue, type ReadOptions, type ReadQueue } from "./read-queue.ts";
import { isPlain, readService, takeFromBulk, takePlain } from "./service-reader.ts";
import type { TrackedService } from "./tracked-services.ts";

/** Keeps what is known of tracked services up to date: it reads those that a list names, and finds those that none names. */
export interface ServiceUpdates {
  /** Reads a service as soon as possible. */
  readonly soon: ReadQueue["soon"];
  /** Holds all reads back, or lets them go on. */
  readonly hold: ReadQueue["hold"];
  readonly unhealthyListed: HealthReconciler["listed"];
  /** Something about a service or a node changed, at this index of Consul. */
  find(index: bigint): void;
  /** The same, but it is known already what: the rest may wait. */
  findLater(index: bigint): void;
  /** The set of tracked services changed: `gone` are no longer wanted, and more is wanted of `grown`. */
  revised(change: {
    readonly gone: readonly TrackedService[];
    readonly grown: readonly TrackedService[];
  }): void;
  /** Reads all services again: what was read before no longer counts. */
  rereadAll(): void;
  endHotWatches(): void;
}

/** Reads in a row, of a quarter of a second each, that wait for a server which lags behind. */
const LAG_AT_MOST = 20;
/** Reads that are behind the list of nodes, after which there must be another reason than lag. */
const BEHIND_AT_MOST = 3;

export function createServiceUpdates(
  context: ConsulContext,
  options: {
    readonly datacenter: string | undefined;
    readonly tracked: ReadonlyMap<string, TrackedService>;
    readonly lists: CatalogLists;
    /** Whether all lists are watched without a failure. */
    readonly areListsHealthy: () => boolean;
    readonly claimSockets: (count: number) => boolean;
    readonly signal: AbortSignal;
  },
): ServiceUpdates {
  const { datacenter, tracked, lists, signal } = options;
  const { outage, listener, sight } = context;
  const hotWatches = createHotServiceWatches(context, {
    queue: () => queue,
    async onAnswer(entry, answer) {
      if (await takePlain(context, entry, { answer, isForced: false })) wasRead(entry);
    },
    signal,
  });
  const { soon } = hotWatches;
  const health = createHealthReconciler({ tracked, soon });
  const queue: ReadQueue = createReadQueue(context, {
    signal,
    read,
    readTogether,
    canReadTogether,
    onFailure,
  });
  queue.hold(true);
  const finder = createChangeFinder(context, {
    ...options,
    queue: { ...queue, soon },
    nodes: lists.nodeNames,
  });

  return {
    soon,
    hold: queue.hold,
    unhealthyListed: health.listed,
    find: finder.find,
    findLater: finder.findLater,
    endHotWatches: hotWatches.endAll,
    revised({ gone, grown }) {
      for (const entry of [...gone, ...grown]) hotWatches.end(entry);
      for (const entry of gone) health.forget(entry);
      if (grown.length === 0) return;
      finder.forget();
      queue.rereadAll(grown);
    },
    rereadAll() {
      finder.forget();
      hotWatches.endAll();
      for (const { wanted } of tracked.values()) {
        for (const text of wanted.keys()) outage.suspect(text);
      }
      queue.rereadAll(tracked.values());
    },
  };

  async function read(entry: TrackedService, how: ReadOptions): Promise<void> {
    if (await readService(context, entry, { how, signal })) {
      wasRead(entry);
      if (how.isForced !== true) hotWatches.changed(entry);
    } else if (how.isKnownToExist === true && entry.lagged < LAG_AT_MOST) {
      entry.lagged += 1;
      queue.soon(entry, { ...how, newerThan: entry.index ?? 0n });
    }
  }

  function canReadTogether(entry: TrackedService, count: number): boolean {
    const nodeCount = lists.nodeNames().length;
    return nodeCount > 0 && nodeCount * 2 <= count && isPlain(entry);
  }

  async function readTogether(entries: readonly TrackedService[]): Promise<void> {
    const since = lists.servicesIndex();
    const from = { datacenter, nodes: lists.nodeNames(), since, signal };
    const before = new Map(entries.map((entry) => [entry, entry.index]));
    const { index, instances } = await readInBulk(context, entries, from);
    for (const [entry, value] of instances) {
      if (entry.index !== before.get(entry)) continue; // its watch was faster
      if (value.length === 0) {
        queue.soon(entry, { isForced: true }); // gone or out of sight: its own answer shows which
        continue;
      }
      takeFromBulk(context, entry, { index, instances: value });
      wasRead(entry);
    }
    finder.forget();
    const now = lists.servicesIndex();
    if (now !== since) finder.find(now);
  }

  function onFailure(entry: TrackedService, error: AppError): void {
    for (const [text, query] of entry.wanted) {
      if (error.code === "CONSUL_UNSEEN") {
        outage.unchanged(text); // it did answer
        sight.note(text, error);
      } else outage.failed(text, error, entry.failures);
      listener.failed(query, error);
    }
  }

  /** Where a list is newer than what was read and differs from it, the service is read again. */
  function wasRead(entry: TrackedService): void {
    health.wasRead(entry);
    if (!lists.isBehind(entry)) entry.behind = 0;
    else if (entry.behind < BEHIND_AT_MOST) {
      entry.behind += 1;
      soon(entry, { newerThan: entry.index ?? 0n });
    }
  }
}
