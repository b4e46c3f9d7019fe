import { setMaxListeners } from "node:events";
import type { CatalogNode, ServiceSummary } from "../../../catalog/instance.ts";
import { type AnswerValue, queryText } from "../../../catalog/query.ts";
import type { AppError } from "../../../errors.ts";
import type { FollowedAnswer } from "../blocking-query.ts";
import { parseConsulAnswer } from "../consul-answer.ts";
import type { ConsulContext } from "../consul-context.ts";
import { checksQuestion, questionOf } from "../read-query.ts";
import { readInBulk } from "./bulk-reader.ts";
import { createCatalogLists } from "./catalog-lists.ts";
import { createChangedServices } from "./find-changed-services.ts";
import { createHealthReconciler } from "./health-reconciler.ts";
import { createHotServiceWatches } from "./hot-service-watches.ts";
import { createReadQueue, type ReadQueue } from "./read-queue.ts";
import { isPlain, readService, takeFromBulk, takePlain } from "./service-reader.ts";
import {
  type CoveredQuery,
  reviseTrackedServices,
  type TrackedService,
} from "./tracked-services.ts";
import { parseUnhealthyChecks, type UnhealthyChecks } from "./unhealthy-checks.ts";
import { type ListWatch, watchList } from "./watch-list.ts";
import { createWatchStates } from "./watch-states.ts";

/**
 * Follows any number of services of one datacenter over four blocking queries, one on each node where sockets allow,
 * and a few plain reads.
 */
export interface AggregateWatch {
  /** Replaces the set of followed queries, keyed by canonical text. */
  follow(queries: ReadonlyMap<string, CoveredQuery>): void;
  close(): void;
}

/** Blocking queries that one doorbell needs. */
export const LISTS_PER_DATACENTER = 4;

/** Reads in a row, of a quarter of a second each, that wait for a server which lags behind. */
const LAG_AT_MOST = 20;
/** Reads that are behind the list of nodes, after which there must be another reason than lag. */
const BEHIND_AT_MOST = 3;
/** Services that are asked for together are handed on together, if they are more than this. */
const FEW = 8;

/** @param claimSockets whether there are sockets for so many blocking queries more than the four; then they are its own */
export function createAggregateWatch(
  context: ConsulContext,
  datacenter: string | undefined,
  claimSockets: (count: number) => boolean,
): AggregateWatch {
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, context.signal]);
  setMaxListeners(0, signal); // one for each socket in use
  const { outage, listener, clock } = context;
  const book = new Map<string, TrackedService>();
  const lists = createCatalogLists(book);
  /** Why nothing was known to be fresh, the last time. */
  let doubt: string | undefined;
  let wanted: ReadonlyMap<string, CoveredQuery> = new Map();

  const at = datacenter === undefined ? {} : { datacenter };
  const services = { kind: "services", ...at } as const;
  const nodes = { kind: "nodes", ...at } as const;
  const bellText = (what: string) =>
    `bell ${what}${datacenter === undefined ? "" : `@${datacenter}`}`;
  const roster = createWatchStates(["services", "nodes", "critical", "warning"].map(bellText), {
    onLostHistory: readAllAnew,
    after: (ms, work) => void clock.after(ms, work),
  });
  const closeWatch = createHotServiceWatches(context, {
    queue: () => queue,
    onAnswer(entry, answer) {
      takePlain(context, entry, answer);
      visited(entry);
    },
    signal,
  });
  const sickRoom = createHealthReconciler({ book, soon: closeWatch.soon });
  const queue: ReadQueue = createReadQueue(context, {
    signal,
    async read(entry, ask) {
      if (await readService(context, entry, { ask, signal })) {
        visited(entry);
        if (ask.isForced !== true) closeWatch.changed(entry);
      } else if (ask.isKnownToBeThere === true && entry.lagged < LAG_AT_MOST) {
        entry.lagged += 1;
        queue.soon(entry, { ...ask, newerThan: entry.index ?? 0n });
      }
    },
    readMany,
    isForMany,
    onFailure(entry, error) {
      for (const [text, query] of entry.wanted) {
        outage.failed(text, error, entry.failures);
        listener.failed(query, error);
      }
    },
  });
  queue.hold(true);
  const seeker = createChangedServices(context, {
    datacenter,
    book,
    queue: { ...queue, soon: closeWatch.soon },
    nodes: lists.nodeNames,
    isTold: roster.areWell,
    claimSockets,
    signal,
  });

  listen<readonly ServiceSummary[]>("services", {
    question: questionOf(services),
    parse: (body) => parseConsulAnswer(services, body) as readonly ServiceSummary[],
    rang: servicesRang,
  });
  listen<readonly CatalogNode[]>("nodes", {
    question: questionOf(nodes),
    parse: (body) => parseConsulAnswer(nodes, body) as readonly CatalogNode[],
    rang: nodesRang,
  });
  for (const kind of ["critical", "warning"] as const) {
    listen<UnhealthyChecks>(kind, {
      question: checksQuestion(kind, datacenter),
      parse: parseUnhealthyChecks,
      rang: ({ value, index }) => sickRoom.listed(kind, value, index),
    });
  }

  return {
    follow,
    close() {
      closeWatch.endAll();
      ending.abort(new Error("nobody asks this datacenter any more"));
      for (const text of wanted.keys()) outage.forget(text);
    },
  };

  function listen<T>(
    what: string,
    bell: Pick<ListWatch<T>, "question" | "parse"> & {
      readonly rang: (answer: FollowedAnswer<T>) => void;
    },
  ): void {
    const text = bellText(what);
    const listened = watchList<T>(
      context,
      {
        ...bell,
        text,
        onAnswer(answer) {
          roster.answered(text, answer);
          bell.rang(answer);
          outage.answered(text, () => undefined);
          queue.hold(!roster.areReady());
        },
        onFailure(error, failures) {
          roster.failed(text);
          queue.hold(!roster.areReady());
          if (failures === 1 || error.message !== doubt) doubtAll(error);
        },
      },
      signal,
    );
    void listened;
  }

  function follow(queries: ReadonlyMap<string, CoveredQuery>): void {
    for (const text of wanted.keys()) if (!queries.has(text)) outage.forget(text);
    const before = wanted;
    const added = [...queries].filter(([text]) => !before.has(text));
    wanted = queries;
    if (added.length > FEW) for (const [text] of added) outage.suspect(text);
    updateBook();
    for (const [, query] of added) {
      const list = lists.last(query);
      if (list !== undefined) queueMicrotask(() => answerList(query, list));
    }
  }

  function updateBook(): void {
    const { gone, grown } = reviseTrackedServices(book, { wanted: wanted.values(), datacenter });
    for (const entry of [...gone, ...grown]) closeWatch.end(entry);
    for (const entry of gone) sickRoom.forget(entry);
    if (grown.length === 0) return;
    seeker.forget();
    queue.allAnew(grown);
  }

  function isForMany(entry: TrackedService, count: number): boolean {
    const nodeCount = lists.nodeNames().length;
    return nodeCount > 0 && nodeCount * 2 <= count && isPlain(entry);
  }

  async function readMany(entries: readonly TrackedService[]): Promise<void> {
    const since = lists.servicesIndex();
    const options = { datacenter, nodes: lists.nodeNames(), since, signal };
    const before = new Map(entries.map((entry) => [entry, entry.index]));
    const { index, instances } = await readInBulk(context, entries, options);
    for (const [entry, value] of instances) {
      if (entry.index !== before.get(entry)) continue; // its watch was faster
      takeFromBulk(context, entry, { index, instances: value });
      visited(entry);
    }
    seeker.forget();
    const now = lists.servicesIndex();
    if (now !== since) seeker.seek(now);
  }

  /** A service was read: where a list is newer and says something else, it is read again. */
  function visited(entry: TrackedService): void {
    sickRoom.visited(entry);
    if (!lists.isBehind(entry)) entry.behind = 0;
    else if (entry.behind < BEHIND_AT_MOST) {
      entry.behind += 1;
      closeWatch.soon(entry, { newerThan: entry.index ?? 0n });
    }
  }

  function servicesRang(answer: FollowedAnswer<readonly ServiceSummary[]>): void {
    const names = lists.hearServices(answer);
    answerList(services, answer.value);
    if (names === undefined) return;
    for (const name of names) {
      const entry = book.get(name);
      if (entry !== undefined) closeWatch.soon(entry);
    }
    if (names.length > 0) seeker.seekLater(answer.index);
    else seeker.seek(answer.index);
  }

  function nodesRang(answer: FollowedAnswer<readonly CatalogNode[]>): void {
    const entries = lists.hearNodes(answer);
    answerList(nodes, answer.value);
    if (entries === undefined) return;
    for (const entry of entries) closeWatch.soon(entry, { newerThan: entry.index ?? 0n });
    seeker.seek(answer.index);
  }

  function answerList(list: CoveredQuery, value: AnswerValue): void {
    const text = queryText(list);
    const query = wanted.get(text);
    if (query !== undefined) outage.answered(text, () => listener.answered(query, value));
  }

  /** A bell does not answer: nothing is known to be fresh. */
  function doubtAll(error: AppError): void {
    doubt = error.message;
    for (const [text, query] of wanted) {
      outage.suspect(text);
      listener.failed(query, error);
    }
  }

  function readAllAnew(): void {
    seeker.forget();
    closeWatch.endAll();
    for (const { wanted: queries } of book.values()) {
      for (const text of queries.keys()) outage.suspect(text);
    }
    queue.allAnew(book.values());
  }
}
