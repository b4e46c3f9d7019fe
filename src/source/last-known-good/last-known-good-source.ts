import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { AnswerListener, OpenSource, Source } from "../../catalog/source.ts";
import type { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { KeptAnswer, LastKnownGood } from "./last-known-good-file.ts";
import { createSavedAnswers, valuesOf } from "./saved-answers.ts";
import { createSaver } from "./saver.ts";

export interface LastKnownGoodOptions {
  /** The file of the last known good answers. */
  readonly path: string;
  /** How old they may be to be used, in milliseconds. */
  readonly maxAgeMs: number;
  readonly log: Log;
}

/** How often the file is renewed while Consul answers. */
const REFRESH_MS = 3_600_000;
/** How long after the first answer of the source the others are waited for, before they replace the fallback. */
const TOGETHER_MS = 10_000;
/** What an earlier run saved is read so long after the start, as most starts do without it. */
const READ_AFTER_MS = 500;

/**
 * A source that keeps the answers of another source on the disk. When that source fails before its first answer, the
 * answers of the last run are the fallback, if they are young enough. Its own answers replace the fallback all
 * together as soon as it has them. What the last run kept of each query is handed to the listener in any case.
 */
export function lastKnownGoodSource(inner: OpenSource, options: LastKnownGoodOptions): OpenSource {
  return (listener, signal) => openLastKnownGood(inner, { ...options, listener, signal });
}

function openLastKnownGood(
  inner: OpenSource,
  {
    path,
    maxAgeMs,
    log,
    listener,
    signal,
  }: LastKnownGoodOptions & { readonly listener: AnswerListener; readonly signal: AbortSignal },
): Source {
  /** What the inner source answered in this run. */
  const answers = new Map<string, KeptAnswer>();
  const errors = new Map<string, AppError>();
  let followed: ReadonlyMap<string, Query> = new Map();
  /** Takes the place of the inner source's answers. */
  let fallback: LastKnownGood | undefined;
  let state: "untried" | "reading" | "fallback" | "done" = "untried";
  let patience: NodeJS.Timeout | undefined;
  const saved = createSavedAnswers({ path, maxAgeMs, log });
  const saver = createSaver({
    path,
    refreshMs: Math.min(REFRESH_MS, maxAgeMs / 4),
    log,
    signal,
    async answers() {
      await saved.read();
      return [...answers.values(), ...saved.carriedOver({ answers, followed, isFresh: isFresh() })];
    },
    isFresh,
  });
  const readSoon = setTimeout(() => void handOverKept(), READ_AFTER_MS).unref();
  signal.addEventListener("abort", () => {
    clearTimeout(patience);
    clearTimeout(readSoon);
  });

  const source = inner(
    {
      answered,
      failed,
      saved: readKept,
    },
    signal,
  );

  return { follow };

  function follow(queries: ReadonlyMap<string, Query>): void {
    const added = [...queries].filter(([text]) => !followed.has(text));
    followed = queries;
    for (const text of answers.keys()) if (!queries.has(text)) answers.delete(text);
    for (const text of errors.keys()) if (!queries.has(text)) errors.delete(text);
    source.follow(queries);
    if (state === "fallback") queueMicrotask(() => answerFromFallback(new Map(added)));
  }

  function answered(query: Query, value: AnswerValue): void {
    const text = queryText(query);
    if (!followed.has(text)) return;
    errors.delete(text);
    answers.set(text, { query, value });
    saver.changed();
    if (state !== "fallback") {
      state = "done";
      listener.answered(query, value);
    } else if (isComplete()) replace();
    else patience ??= setTimeout(replace, TOGETHER_MS);
  }

  function failed(query: Query, error: AppError): void {
    const text = queryText(query);
    if (followed.has(text)) errors.set(text, error);
    listener.failed(query, error);
    // The refusal of one query does not mean that Consul is away.
    const isAway = !isRefused(text) || [...followed.keys()].every(isRefused);
    if (state === "untried" && isAway) void tryFallback(isRefused(text));
    else if (state === "fallback" && answers.size > 0 && isComplete()) replace();
  }

  function isFresh(): boolean {
    return errors.size === 0;
  }

  async function handOverKept(): Promise<void> {
    const kept = await readKept();
    if (kept !== undefined && !signal.aborted) listener.kept?.(kept);
  }

  async function readKept(): Promise<ReadonlyMap<string, AnswerValue> | undefined> {
    const kept = await saved.read();
    return kept && valuesOf(kept);
  }

  /** Whether nothing more is to be expected: another datacenter that cannot be reached holds nothing up. */
  function isComplete(): boolean {
    return [...followed].every(
      ([text, query]) => answers.has(text) || isRefused(text) || isOfLostDatacenter(text, query),
    );
  }

  function isOfLostDatacenter(text: string, query: Query): boolean {
    return errors.has(text) && "datacenter" in query && query.datacenter !== undefined;
  }

  function isRefused(text: string): boolean {
    const code = errors.get(text)?.code;
    return code === "CONSUL_REFUSED" || code === "CONSUL_UNSEEN";
  }

  async function tryFallback(isAllRefused: boolean): Promise<void> {
    state = "reading";
    const lastKnownGood = await readYoungEnough();
    // An answer may have come meanwhile.
    if (state !== "reading" || signal.aborted) return;
    if (lastKnownGood === undefined) {
      state = "done";
      return;
    }
    state = "fallback";
    fallback = lastKnownGood;
    listener.fallback?.(lastKnownGood.savedAt);
    log.warn(
      { savedAt: lastKnownGood.savedAt },
      `Consul ${isAllRefused ? "refuses every query" : "does not answer"}: the last known good catalog, of ${lastKnownGood.savedAt.toISOString()}, is used until it does`,
    );
    answerFromFallback(followed);
  }

  async function readYoungEnough(): Promise<LastKnownGood | undefined> {
    const lastKnownGood = await saved.read();
    if (lastKnownGood === undefined) return undefined;
    const { savedAt } = lastKnownGood;
    if (Date.now() - savedAt.getTime() <= maxAgeMs) return lastKnownGood;
    log.warn(
      { savedAt, hint: "Raise consul.lastKnownGood.maxAge to use an older one" },
      `the last known good catalog, of ${savedAt.toISOString()}, is too old to be used`,
    );
    return undefined;
  }

  function answerFromFallback(queries: ReadonlyMap<string, Query>): void {
    if (state !== "fallback") return;
    for (const [text, query] of queries) {
      const known = fallback?.answers.get(text);
      if (known === undefined || !followed.has(text)) continue;
      listener.answered(query, known.value);
      const error = errors.get(text);
      if (error !== undefined) listener.failed(query, error); // it is not fresh
    }
  }

  /** The inner source's own answers take over. A query that it has not answered by now keeps the fallback's answer. */
  function replace(): void {
    clearTimeout(patience);
    state = "done";
    fallback = undefined;
    log.info("Consul answers: its catalog replaces the last known good one");
    listener.fallback?.(undefined);
    for (const { query, value } of answers.values()) listener.answered(query, value);
  }
}
