import { setMaxListeners } from "node:events";
import type { CatalogNode, ServiceSummary } from "../../../catalog/instance.ts";
import { type AnswerValue, queryText } from "../../../catalog/query.ts";
import type { AppError } from "../../../errors.ts";
import type { FollowedAnswer } from "../blocking-query.ts";
import { parseAnswer } from "../consul-answer.ts";
import type { Link } from "../link.ts";
import { checksQuestion, questionOf } from "../read-query.ts";
import { createBellRoster } from "./bell-roster.ts";
import { readInBulk } from "./bulk-reader.ts";
import { createCatalogLists } from "./catalog-lists.ts";
import { createCloseWatch } from "./close-watch.ts";
import { type Bell, listenToBell } from "./listen-to-bell.ts";
import { createReadQueue, type ReadQueue } from "./read-queue.ts";
import { createChangeSeeker } from "./seek-changes.ts";
import { type CoveredQuery, type Entry, reviseBook } from "./service-book.ts";
import { isPlain, readService, takeFromBulk, takePlain } from "./service-reader.ts";
import { parseSickChecks, type SickChecks } from "./sick-checks.ts";
import { createSickRoom } from "./sick-room.ts";

/**
 * Follows any number of services of one datacenter over four blocking queries, one on each node where sockets allow,
 * and a few plain reads.
 */
export interface Doorbell {
  /** Replaces the set of followed queries, keyed by canonical text. */
  follow(queries: ReadonlyMap<string, CoveredQuery>): void;
  close(): void;
}

/** Blocking queries that one doorbell needs. */
export const BELLS_OF_A_DOORBELL = 4;

/** Reads in a row, of a quarter of a second each, that wait for a server which lags behind. */
const LAG_AT_MOST = 20;
/** Reads that are behind the list of nodes, after which there must be another reason than lag. */
const BEHIND_AT_MOST = 3;
/** Services that are asked for together are handed on together, if they are more than this. */
const FEW = 8;

/** @param claimSockets whether there are sockets for so many blocking queries more than the four; then they are its own */
export function createDoorbell(
  link: Link,
  datacenter: string | undefined,
  claimSockets: (count: number) => boolean,
): Doorbell {
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, link.signal]);
  setMaxListeners(0, signal); // one for each socket in use
  const { outage, listener, clock } = link;
  const book = new Map<string, Entry>();
  const lists = createCatalogLists(book);
  /** Why nothing was known to be fresh, the last time. */
  let doubt: string | undefined;
  let wanted: ReadonlyMap<string, CoveredQuery> = new Map();

  const at = datacenter === undefined ? {} : { datacenter };
  const services = { kind: "services", ...at } as const;
  const nodes = { kind: "nodes", ...at } as const;
  const bellText = (what: string) =>
    `bell ${what}${datacenter === undefined ? "" : `@${datacenter}`}`;
  const roster = createBellRoster(["services", "nodes", "critical", "warning"].map(bellText), {
    onLostHistory: readAllAnew,
    after: (ms, work) => void clock.after(ms, work),
  });
  const closeWatch = createCloseWatch(link, {
    queue: () => queue,
    onAnswer(entry, answer) {
      takePlain(link, entry, answer);
      visited(entry);
    },
    signal,
  });
  const sickRoom = createSickRoom({ book, soon: closeWatch.soon });
  const queue: ReadQueue = createReadQueue(link, {
    signal,
    async read(entry, ask) {
      if (await readService(link, entry, { ask, signal })) {
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
  const seeker = createChangeSeeker(link, {
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
    parse: (body) => parseAnswer(services, body) as readonly ServiceSummary[],
    rang: servicesRang,
  });
  listen<readonly CatalogNode[]>("nodes", {
    question: questionOf(nodes),
    parse: (body) => parseAnswer(nodes, body) as readonly CatalogNode[],
    rang: nodesRang,
  });
  for (const kind of ["critical", "warning"] as const) {
    listen<SickChecks>(kind, {
      question: checksQuestion(kind, datacenter),
      parse: parseSickChecks,
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
    bell: Pick<Bell<T>, "question" | "parse"> & {
      readonly rang: (answer: FollowedAnswer<T>) => void;
    },
  ): void {
    const text = bellText(what);
    const listened = listenToBell<T>(
      link,
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
    const { gone, grown } = reviseBook(book, { wanted: wanted.values(), datacenter });
    for (const entry of [...gone, ...grown]) closeWatch.end(entry);
    for (const entry of gone) sickRoom.forget(entry);
    if (grown.length === 0) return;
    seeker.forget();
    queue.allAnew(grown);
  }

  function isForMany(entry: Entry, count: number): boolean {
    const nodeCount = lists.nodeNames().length;
    return nodeCount > 0 && nodeCount * 2 <= count && isPlain(entry);
  }

  async function readMany(entries: readonly Entry[]): Promise<void> {
    const since = lists.servicesIndex();
    const options = { datacenter, nodes: lists.nodeNames(), since, signal };
    const before = new Map(entries.map((entry) => [entry, entry.index]));
    const { index, instances } = await readInBulk(link, entries, options);
    for (const [entry, value] of instances) {
      if (entry.index !== before.get(entry)) continue; // its watch was faster
      takeFromBulk(link, entry, { index, instances: value });
      visited(entry);
    }
    seeker.forget();
    const now = lists.servicesIndex();
    if (now !== since) seeker.seek(now);
  }

  /** A service was read: where a list is newer and says something else, it is read again. */
  function visited(entry: Entry): void {
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
