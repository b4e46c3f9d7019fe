import { setMaxListeners } from "node:events";
import type { CatalogNode, ServiceSummary } from "../../../catalog/instance.ts";
import { type AnswerValue, queryText } from "../../../catalog/query.ts";
import type { AppError } from "../../../errors.ts";
import type { FollowedAnswer } from "../blocking-query.ts";
import type { ConsulContext } from "../consul-context.ts";
import { createCatalogLists } from "./catalog-lists.ts";
import { createListWatches } from "./list-watches.ts";
import { createServiceUpdates } from "./service-updates.ts";
import {
  type CoveredQuery,
  reviseTrackedServices,
  type TrackedService,
} from "./tracked-services.ts";

/**
 * Follows any number of services of one datacenter over four blocking queries, one on each node where sockets allow,
 * and a few plain reads.
 */
export interface AggregateWatch {
  /** Replaces the set of followed queries, keyed by canonical text. */
  follow(queries: ReadonlyMap<string, CoveredQuery>): void;
  close(): void;
}

/** When more queries than this are added at once, their answers are delivered together. */
const FEW = 8;

/**
 * @param claimSockets whether there are sockets for that many blocking queries beyond those of the lists; then they
 * belong to this watch
 */
export function createAggregateWatch(
  context: ConsulContext,
  datacenter: string | undefined,
  claimSockets: (count: number) => boolean,
): AggregateWatch {
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, context.signal]);
  setMaxListeners(0, signal); // one for each socket in use
  const { outage, listener, sight } = context;
  const at = datacenter === undefined ? {} : { datacenter };
  const tracked = new Map<string, TrackedService>();
  const lists = createCatalogLists(tracked);
  let wanted: ReadonlyMap<string, CoveredQuery> = new Map();

  const watches = createListWatches(context, {
    datacenter,
    onServices,
    onNodes,
    onUnhealthy: (kind, { value, index }) => updates.unhealthyListed(kind, value, index),
    onReadiness: (isReady) => updates.hold(!isReady),
    onFailure: suspectAll,
    onIndexReset: () => updates.rereadAll(),
    signal,
  });
  const updates = createServiceUpdates(context, {
    datacenter,
    tracked,
    lists,
    areListsHealthy: watches.areHealthy,
    claimSockets,
    signal,
  });

  // What Consul answers to the token before says nothing about what it answers to this one.
  context.tokenChanges.onChange(() => updates.rereadAll(), signal);

  return {
    follow,
    close() {
      updates.endHotWatches();
      ending.abort(new Error("this datacenter is no longer followed"));
      for (const text of wanted.keys()) forget(text);
    },
  };

  function follow(queries: ReadonlyMap<string, CoveredQuery>): void {
    for (const text of wanted.keys()) if (!queries.has(text)) forget(text);
    const before = wanted;
    const added = [...queries].filter(([text]) => !before.has(text));
    wanted = queries;
    if (added.length > FEW) for (const [text] of added) outage.suspect(text);
    updates.revised(reviseTrackedServices(tracked, { wanted: wanted.values(), datacenter }));
    for (const [, query] of added) {
      const list = lists.last(query);
      if (list !== undefined) queueMicrotask(() => answerList(query, list));
    }
  }

  function forget(text: string): void {
    outage.forget(text);
    sight.note(text, undefined);
  }

  function onServices(
    answer: FollowedAnswer<readonly ServiceSummary[]>,
    doubt: AppError | undefined,
  ): void {
    const names = lists.takeServices(answer);
    answerList({ kind: "services", ...at }, answer.value, doubt);
    if (names === undefined) return;
    for (const name of names) {
      const entry = tracked.get(name);
      if (entry !== undefined) updates.soon(entry);
    }
    if (names.length > 0) updates.findLater(answer.index);
    else updates.find(answer.index);
  }

  function onNodes(
    answer: FollowedAnswer<readonly CatalogNode[]>,
    doubt: AppError | undefined,
  ): void {
    const entries = lists.takeNodes(answer);
    answerList({ kind: "nodes", ...at }, answer.value, doubt);
    if (entries === undefined) return;
    for (const entry of entries) updates.soon(entry, { newerThan: entry.index ?? 0n });
    updates.find(answer.index);
  }

  function answerList(list: CoveredQuery, value: AnswerValue, doubt?: AppError): void {
    const text = queryText(list);
    const query = wanted.get(text);
    if (query === undefined) return;
    outage.answered(text, () => {
      listener.answered(query, value);
      if (doubt !== undefined) listener.failed(query, doubt);
    });
  }

  /** A list watch fails: no answer is known to be fresh. */
  function suspectAll(error: AppError, list: string): void {
    for (const [text, query] of wanted) {
      // What the token does not see of each list is reported with that list.
      const isOther = query.kind !== "service" && query.kind !== list;
      if (error.code === "CONSUL_UNSEEN" && isOther) continue;
      if (error.code !== "CONSUL_UNSEEN") outage.suspect(text);
      listener.failed(query, error);
    }
  }
}
