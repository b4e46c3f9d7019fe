import type { Query } from "../../catalog/query.ts";
import type { AnswerListener, OpenSource, Source } from "../../catalog/source.ts";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import type { Log } from "../../log.ts";
import {
  type AggregateWatch,
  createAggregateWatch,
  LISTS_PER_DATACENTER,
} from "./aggregate-watch/aggregate-watch.ts";
import { type CoveredQuery, isCovered } from "./aggregate-watch/tracked-services.ts";
import { type Clock, realClock } from "./clock.ts";
import { type ConsulClient, createConsulClient } from "./consul-client.ts";
import type { ConsulContext } from "./consul-context.ts";
import { createDedicatedQueries } from "./dedicated-queries.ts";
import { createIndexResets } from "./index-resets.ts";
import { createOutage } from "./outage.ts";
import { createSemaphore } from "./semaphore.ts";
import { createSpareSockets } from "./spare-sockets.ts";

/** With more blocking queries than sockets they take turns: none may then hold its socket for longer than this. */
const TURN_MS = 250;
/** Plain reads at once. More than this many make Consul no faster (measured). */
const MOST_READS = 32;
/** Sockets that are lent at once. */
const MOST_SPARE = 16;

/**
 * A source that follows each query with a blocking query of its own while there are sockets for that, and else
 * listens to a few aggregates and reads what changed. Either way it never uses more than `maxConnections` sockets.
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
  const doorbells = new Map<string, AggregateWatch>();
  /** Sockets that doorbells claimed beyond those that they need, by datacenter. */
  const claimed = new Map<string, number>();
  let needed = 0;
  let hasDoorbells = false;
  let isCrowded = false;
  const context: ConsulContext = {
    ...parts,
    config,
    outage: createOutage(parts.log, parts.clock),
    indexResets: createIndexResets(),
    polls: createSemaphore(most),
    reads: createSemaphore(1),
    spares: createSpareSockets(),
    waitMs: () => (isCrowded ? TURN_MS : config.wait),
  };
  const own = createDedicatedQueries(context);
  parts.signal.addEventListener("abort", () => context.client.destroy());

  return {
    follow(queries) {
      // Going back only far below the limit: it is not to and fro with each query more or less.
      hasDoorbells = queries.size > (hasDoorbells ? most / 2 : most);
      const { byDatacenter, others } = divide(queries, hasDoorbells);
      needed = others.size + byDatacenter.size * LISTS_PER_DATACENTER;
      noteCrowd(needed > mostPolls());
      for (const datacenter of claimed.keys()) {
        if (!byDatacenter.has(datacenter)) claimed.delete(datacenter);
      }
      shareSockets();
      own.follow(others);
      for (const [datacenter, doorbell] of doorbells) {
        if (byDatacenter.has(datacenter)) continue;
        doorbell.close();
        doorbells.delete(datacenter);
      }
      for (const [datacenter, covered] of byDatacenter) doorbellOf(datacenter).follow(covered);
    },
  };

  /** Some sockets remain for plain reads. */
  function mostPolls(): number {
    return most - (hasDoorbells ? Math.min(16, Math.max(1, Math.floor(most / 4))) : 0);
  }

  /** Blocking queries get what they need, then reads what makes them faster; what is left can be lent. */
  function shareSockets(): void {
    const polls = [...claimed.values()].reduce((sum, count) => sum + count, needed);
    const sockets = Math.min(polls, mostPolls());
    const spare = hasDoorbells ? Math.min(MOST_SPARE, Math.max(0, most - sockets - MOST_READS)) : 0;
    context.spares.resize(spare);
    context.polls.resize(hasDoorbells ? sockets + spare : most);
    context.reads.resize(Math.min(MOST_READS, Math.max(1, most - sockets)));
  }

  /** Whether a doorbell may have so many sockets more: what others need comes first. */
  function claim(datacenter: string, count: number): boolean {
    const before = claimed.get(datacenter) ?? 0;
    claimed.delete(datacenter);
    const taken = [...claimed.values()].reduce((sum, it) => sum + it, needed);
    const isFree = taken + count <= mostPolls();
    if (isFree && count > 0) claimed.set(datacenter, count);
    if (before !== (claimed.get(datacenter) ?? 0)) shareSockets();
    return isFree;
  }

  function noteCrowd(now: boolean): void {
    if (now && !isCrowded) {
      parts.log.warn(
        { maxConnections: most },
        "more keys and filtered queries than consul.maxConnections: they take turns, and a change may take seconds to be seen",
      );
    }
    isCrowded = now;
  }

  function doorbellOf(datacenter: string): AggregateWatch {
    const known = doorbells.get(datacenter);
    if (known !== undefined) return known;
    const doorbell = createAggregateWatch(
      context,
      datacenter === "" ? undefined : datacenter,
      (count) => claim(datacenter, count),
    );
    doorbells.set(datacenter, doorbell);
    return doorbell;
  }
}

/** What doorbells cover, by datacenter, where that takes fewer sockets than a query each; and the rest. */
function divide(
  queries: ReadonlyMap<string, Query>,
  hasDoorbells: boolean,
): {
  readonly byDatacenter: ReadonlyMap<string, ReadonlyMap<string, CoveredQuery>>;
  readonly others: ReadonlyMap<string, Query>;
} {
  const byDatacenter = new Map<string, Map<string, CoveredQuery>>();
  const others = new Map<string, Query>();
  for (const [text, query] of queries) {
    if (!hasDoorbells || !isCovered(query)) others.set(text, query);
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
