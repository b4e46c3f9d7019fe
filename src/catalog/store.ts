import { isDeepStrictEqual } from "node:util";
import type { AppError } from "../errors.ts";
import { type AnswerValue, type Query, queryText } from "./query.ts";
import { shareUnchanged } from "./share-unchanged.ts";
import { createSnapshot, type Snapshot } from "./snapshot.ts";
import type { OpenSource, Source } from "./source.ts";

/** Joins a source's answers into snapshots, for any number of readers that each want their own queries. */
export interface CatalogStore {
  /** All answers so far. The same object until the content changes. */
  snapshot(): Snapshot;
  /** Replaces the queries that `reader` wants. A query that no reader wants is no longer followed, and its answer is forgotten. */
  want(reader: string, queries: ReadonlyMap<string, Query>): void;
  /**
   * Calls `listener` after each change of content, whenever a query begins to fail or is answered again, and once when
   * {@link kept} knows more. Returns the way to end that.
   */
  onChange(listener: () => void): () => void;
  /** Why a wanted query has no fresh answer, by canonical text. Empty when there is no failure. */
  failures(): ReadonlyMap<string, AppError>;
  /** When the answers of the fallback were saved, while the source has not answered since the start. */
  fallbackSince(): Date | undefined;
  /**
   * What an earlier run of Fairlead saved of a query, whether or not the source answers it now; `undefined` when there is
   * no such answer, or it is too old, or not read yet: that takes about a second from the start.
   */
  kept(query: Query): AnswerValue | undefined;
}

/** Opens `openSource` and joins what it answers, until `signal` aborts. */
export function createCatalogStore(openSource: OpenSource, signal: AbortSignal): CatalogStore {
  const answers = new Map<string, AnswerValue>();
  const failures = new Map<string, AppError>();
  const wants = new Map<string, ReadonlyMap<string, Query>>();
  const listeners = new Set<() => void>();
  let followed: ReadonlyMap<string, Query> = new Map();
  let version = 0;
  let changedAtMs = Date.now();
  let fallbackSince: Date | undefined;
  let kept: ReadonlyMap<string, AnswerValue> = new Map();
  /** Made on demand: many answers may come before. */
  let snapshot: Snapshot | undefined;

  const source: Source = openSource(
    {
      answered(query, value) {
        const text = queryText(query);
        const hadFailed = failures.delete(text);
        if (!followed.has(text)) return;
        if (answers.has(text) && isDeepStrictEqual(answers.get(text), value)) {
          if (hadFailed) notify();
          return;
        }
        answers.set(text, shareUnchanged(answers.get(text), value));
        version += 1;
        changedAtMs = Date.now();
        snapshot = undefined;
        notify();
      },
      failed(query, error) {
        const text = queryText(query);
        if (!followed.has(text)) return;
        const isNew = !failures.has(text);
        failures.set(text, error);
        if (isNew) notify();
      },
      fallback(savedAt) {
        fallbackSince = savedAt;
      },
      kept(saved) {
        kept = saved;
        notify();
      },
    },
    signal,
  );

  return {
    snapshot() {
      snapshot ??= createSnapshot(new Map(answers), version, changedAtMs);
      return snapshot;
    },
    failures: () => failures,
    fallbackSince: () => fallbackSince,
    kept: (query) => kept.get(queryText(query)),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    want(reader, queries) {
      const before = wants.get(reader);
      wants.set(reader, queries);
      if (before !== undefined && sameKeys(before, queries)) return;
      const wanted = union(wants.values());
      if (sameKeys(wanted, followed)) return;
      followed = wanted;
      for (const text of [...answers.keys(), ...failures.keys()]) {
        if (!wanted.has(text)) forget(text);
      }
      source.follow(wanted);
    },
  };

  function notify(): void {
    for (const listener of listeners) listener();
  }

  function forget(text: string): void {
    if (answers.delete(text)) snapshot = undefined;
    failures.delete(text);
  }
}

function union(maps: Iterable<ReadonlyMap<string, Query>>): ReadonlyMap<string, Query> {
  const result = new Map<string, Query>();
  for (const map of maps) for (const [text, query] of map) result.set(text, query);
  return result;
}

function sameKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) if (!b.has(key)) return false;
  return true;
}
