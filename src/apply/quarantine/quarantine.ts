import { isDeepStrictEqual } from "node:util";
import { type Element, elementsOf, isInstances, type Part, partText } from "../../catalog/part.ts";
import { type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";

/** What is wrong with a part of the catalog, for one proxy. */
export interface PartFault {
  readonly part: Part;
  /** The entry at fault, such as `tag "x"` or `meta title="y"`, where it was found. */
  readonly field?: string;
  /** With the template's line. */
  readonly reason: string;
  readonly hint: string;
}

/** A part whose newest data one proxy does not use. */
export interface Quarantined extends PartFault {
  /** Whether the proxy's check found it: what that depends on, such as DNS, may change without a change of the data. */
  readonly byCheck: boolean;
  /** The search for culprits ran out of time before it tried this part. It goes on with the next attempt. */
  readonly isUntried: boolean;
  /** When the fault was found, in milliseconds since 1970. */
  readonly sinceMs: number;
}

/** The parts of the catalog whose newest data one proxy does not use, each until that data changes. */
export interface Quarantine {
  list(): readonly Quarantined[];
  /** Whether the newest data of any part of the answer to `query` may be in quarantine. */
  concerns(query: Query): boolean;
  /** Whether a part is in quarantine with this data. */
  has(text: string, element: Element): boolean;
  /** Puts parts into quarantine with the data that `snapshot` has of them. */
  add(faults: readonly PartFault[], from: FoundIn): void;
  /** Lets parts out whose data changed, or whose next try is due. */
  release(snapshot: Snapshot, nowMs: number): readonly Released[];
  /** Has the parts that the search did not come to tried at once: what it knew is live. */
  tryUntried(nowMs: number): void;
  /** Lets all out, such as for other templates. */
  clear(): void;
  /** The queries about the parts: they go on being asked, so that a change is seen. */
  queries(): Asked;
  /** When the next try is due, in the clock of `nowMs`. */
  nextTryAtMs(): number | undefined;
}

/** How faults were found. */
interface FoundIn {
  readonly snapshot: Snapshot;
  /** The queries of the render that failed. */
  readonly asked: Asked;
  readonly byCheck: boolean;
  readonly isUntried?: boolean;
  readonly nowMs: number;
}

/** A part that is let out of quarantine. */
export interface Released {
  readonly part: Part;
  /** Its data changed; else only its next try is due. */
  readonly isChanged: boolean;
}

type Asked = ReadonlyMap<string, Query>;

interface Entry extends Quarantined {
  /** Where the part was found, and with what data. */
  readonly seen: readonly { readonly query: Query; readonly element: Element | undefined }[];
  readonly tryAtMs: number | undefined;
}

const FIRST_TRY_MS = 60_000;
const LAST_TRY_MS = 600_000;

export function createQuarantine(): Quarantine {
  const entries = new Map<string, Entry>();
  /** How long the last wait was, of parts that were tried again. */
  const waits = new Map<string, number>();

  return {
    list: () => [...entries.values()],
    concerns: (query) => entries.size > 0 && [...entries.values()].some((it) => isOf(it, query)),
    has(text, element) {
      const entry = entries.get(text);
      return entry?.seen.some((it) => isDeepStrictEqual(it.element, element)) === true;
    },
    add(faults, from) {
      for (const fault of faults) put(fault, from);
    },
    release(snapshot, nowMs) {
      const released: Released[] = [];
      for (const [text, entry] of entries) {
        const isChanged = entry.seen.some(
          ({ query, element }) =>
            !isDeepStrictEqual(elementIn(snapshot, query, entry.part), element),
        );
        const isDue = entry.tryAtMs !== undefined && nowMs >= entry.tryAtMs;
        if (!isChanged && !isDue) continue;
        entries.delete(text);
        if (isChanged) waits.delete(text);
        if (!entry.isUntried) released.push({ part: entry.part, isChanged });
      }
      return released;
    },
    tryUntried(nowMs) {
      for (const [text, entry] of entries) {
        if (entry.isUntried) entries.set(text, { ...entry, tryAtMs: nowMs });
      }
    },
    clear() {
      entries.clear();
      waits.clear();
    },
    queries: () =>
      new Map(
        [...entries.values()].flatMap(({ seen }) =>
          seen.map(({ query }) => [queryText(query), query]),
        ),
      ),
    nextTryAtMs() {
      const times = [...entries.values()].flatMap(({ tryAtMs }) => tryAtMs ?? []);
      return times.length === 0 ? undefined : Math.min(...times);
    },
  };

  function put(fault: PartFault, { snapshot, asked, byCheck, isUntried = false, nowMs }: FoundIn) {
    const text = partText(fault.part);
    const waitMs = Math.min((waits.get(text) ?? FIRST_TRY_MS / 2) * 2, LAST_TRY_MS);
    const isTriedByTime = byCheck && !isUntried;
    if (isTriedByTime) waits.set(text, waitMs);
    entries.set(text, {
      ...fault,
      byCheck,
      isUntried,
      sinceMs: Date.now(),
      seen: queriesAbout(fault.part, asked).map((query) => ({
        query,
        element: elementIn(snapshot, query, fault.part),
      })),
      tryAtMs: isTriedByTime ? nowMs + waitMs : undefined,
    });
  }
}

/** Whether the answer to `query` may hold the part. */
function isOf({ part }: { readonly part: Part }, query: Query): boolean {
  switch (part.kind) {
    case "instance":
      return query.kind === "service" ? query.name === part.service : isInstances(query);
    case "service":
      return query.kind === "services" || ("name" in query && query.name === part.service);
    case "node":
      return query.kind === "nodes";
    case "key":
      return query.kind === "tree" || (query.kind === "key" && query.key === part.key);
    case "answer":
      return queryText(query) === part.query;
  }
}

/** What a snapshot has of a part in one answer. Of a service as a whole that is all that is known about it. */
function elementIn(snapshot: Snapshot, query: Query, part: Part): Element | undefined {
  const answer = snapshot.get<Query>(query);
  if (answer === undefined) return undefined;
  if (part.kind === "service" && query.kind !== "services") return answer;
  return elementsOf(query, answer).get(partText(part));
}

function queriesAbout(part: Part, asked: Asked): readonly Query[] {
  return [...asked.values()].filter((query) => isOf({ part }, query));
}
