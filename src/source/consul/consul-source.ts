import type { Query } from "../../catalog/query.ts";
import type { AnswerListener, OpenSource, Source } from "../../catalog/source.ts";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import type { Log } from "../../log.ts";
import { type AggregateWatch, createAggregateWatch } from "./aggregate-watch/aggregate-watch.ts";
import { LISTS_PER_DATACENTER } from "./aggregate-watch/list-watches.ts";
import { type CoveredQuery, isCovered } from "./aggregate-watch/tracked-services.ts";
import { type Clock, realClock } from "./clock.ts";
import { type ConsulClient, createConsulClient } from "./consul-client.ts";
import type { ConsulContext } from "./consul-context.ts";
import { createDedicatedQueries } from "./dedicated-queries.ts";
import { createIndexResets } from "./index-resets.ts";
import { createOutage } from "./outage.ts";
import { createSemaphore } from "./semaphore.ts";
import { createSpareSockets } from "./spare-sockets.ts";
import { createAsk } from "./token-sight/ask.ts";
import { createSavedAnswer } from "./token-sight/saved-answer.ts";
import { createSight } from "./token-sight/sight.ts";
import { createTokenChanges } from "./token-sight/token-changes.ts";

/** When there are more blocking queries than sockets, none may hold its socket for longer than this. */
const SHARED_WAIT_MS = 250;
/** More plain reads at a time make Consul no faster (measured). */
const MOST_READS = 32;
/** Sockets that are lent at a time. */
const MOST_SPARE = 16;

/**
 * A source that follows each query with a blocking query of its own while there are sockets for that. Else it watches a
 * few lists of each datacenter and reads the services that changed. Either way it never uses more than `maxConnections`
 * sockets.
 */
export function consulSource(
  config: ConsulConfig,
  {
    log,
    clock = realClock,
    mostBytes,
  }: { readonly log: Log; readonly clock?: Clock; readonly mostBytes?: number },
): OpenSource {
  return (listener, signal) => {
    const client = createConsulClient(config, mostBytes);
    return openConsulSource(config, { log, clock, client, listener, signal });
  };
}

function openConsulSource(
  config: ConsulConfig,
  parts: {
    readonly log: Log;
    readonly clock: Clock;
    readonly client: ConsulClient;
    readonly listener: AnswerListener;
    readonly signal: AbortSignal;
  },
): Source {
  const most = config.maxConnections;
  const aggregateWatches = new Map<string, AggregateWatch>();
  /** Sockets that aggregate watches claimed beyond those that they need, by datacenter. */
  const claimed = new Map<string, number>();
  let needed = 0;
  let isAggregated = false;
  /** More blocking queries are needed than there are sockets. */
  let isOversubscribed = false;
  const tokenChanges = createTokenChanges(config, parts.signal);
  const context: ConsulContext = {
    ...parts,
    config,
    tokenChanges,
    sight: createSight(parts.log),
    ask: createAsk(parts.client, { config, signal: parts.signal }),
    savedAnswer: createSavedAnswer(parts, { config, signal: parts.signal }),
    outage: createOutage(parts.log, parts.clock),
    indexResets: createIndexResets(),
    polls: createSemaphore(most),
    reads: createSemaphore(1),
    spares: createSpareSockets(),
    waitMs: () => (isOversubscribed ? SHARED_WAIT_MS : config.wait),
  };
  const dedicated = createDedicatedQueries(context);
  parts.signal.addEventListener("abort", () => context.client.destroy());

  return {
    follow(queries) {
      // It changes back only far below the limit, so that one query more or less does not change it each time.
      isAggregated = queries.size > (isAggregated ? most / 2 : most);
      const { byDatacenter, others } = divide(queries, isAggregated);
      needed = others.size + byDatacenter.size * LISTS_PER_DATACENTER;
      noteSubscription(needed > mostPolls());
      for (const datacenter of claimed.keys()) {
        if (!byDatacenter.has(datacenter)) claimed.delete(datacenter);
      }
      shareSockets();
      dedicated.follow(others);
      for (const [datacenter, watch] of aggregateWatches) {
        if (byDatacenter.has(datacenter)) continue;
        watch.close();
        aggregateWatches.delete(datacenter);
      }
      for (const [datacenter, covered] of byDatacenter) watchOf(datacenter).follow(covered);
    },
  };

  /** Sockets for blocking queries: some remain for plain reads. */
  function mostPolls(): number {
    return most - (isAggregated ? Math.min(16, Math.max(1, Math.floor(most / 4))) : 0);
  }

  /** Blocking queries get what they need first, then reads as many as make them faster; the rest can be lent. */
  function shareSockets(): void {
    const polls = [...claimed.values()].reduce((sum, count) => sum + count, needed);
    const sockets = Math.min(polls, mostPolls());
    const spare = isAggregated ? Math.min(MOST_SPARE, Math.max(0, most - sockets - MOST_READS)) : 0;
    context.spares.resize(spare);
    context.polls.resize(isAggregated ? sockets + spare : most);
    context.reads.resize(Math.min(MOST_READS, Math.max(1, most - sockets)));
  }

  /** Whether an aggregate watch may have that many sockets more: the needs of others come first. */
  function claim(datacenter: string, count: number): boolean {
    const before = claimed.get(datacenter) ?? 0;
    claimed.delete(datacenter);
    const taken = [...claimed.values()].reduce((sum, it) => sum + it, needed);
    const isFree = taken + count <= mostPolls();
    if (isFree && count > 0) claimed.set(datacenter, count);
    if (before !== (claimed.get(datacenter) ?? 0)) shareSockets();
    return isFree;
  }

  function noteSubscription(isOverNow: boolean): void {
    if (isOverNow && !isOversubscribed) {
      parts.log.warn(
        { maxConnections: most },
        "there are more keys and filtered queries than consul.maxConnections: they share connections, and a change can take seconds to be noticed",
      );
    }
    isOversubscribed = isOverNow;
  }

  function watchOf(datacenter: string): AggregateWatch {
    const known = aggregateWatches.get(datacenter);
    if (known !== undefined) return known;
    const watch = createAggregateWatch(
      context,
      datacenter === "" ? undefined : datacenter,
      (count) => claim(datacenter, count),
    );
    aggregateWatches.set(datacenter, watch);
    return watch;
  }
}

/** The queries that an aggregate watch covers with fewer sockets than a query each, by datacenter; and all others. */
function divide(
  queries: ReadonlyMap<string, Query>,
  isAggregated: boolean,
): {
  readonly byDatacenter: ReadonlyMap<string, ReadonlyMap<string, CoveredQuery>>;
  readonly others: ReadonlyMap<string, Query>;
} {
  const byDatacenter = new Map<string, Map<string, CoveredQuery>>();
  const others = new Map<string, Query>();
  for (const [text, query] of queries) {
    if (!isAggregated || !isCovered(query)) others.set(text, query);
    else {
      const known = byDatacenter.get(query.datacenter ?? "") ?? new Map<string, CoveredQuery>();
      byDatacenter.set(query.datacenter ?? "", known.set(text, query));
    }
  }
  for (const [datacenter, covered] of byDatacenter) {
    if (covered.size > LISTS_PER_DATACENTER) continue;
    byDatacenter.delete(datacenter);
    for (const [text, query] of covered) others.set(text, query);
  }
  return { byDatacenter, others };
}
