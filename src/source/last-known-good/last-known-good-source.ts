import { type Query, queryText } from "../../catalog/query.ts";
import type { AnswerListener, OpenSource, Source } from "../../catalog/source.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type KeptAnswer, type LastKnownGood, readLastKnownGood } from "./last-known-good-file.ts";
import { createSaver } from "./saver.ts";

export interface LastKnownGoodOptions {
  /** The file that the last known good answers are kept in. */
  readonly path: string;
  /** How old they may be to be used, in milliseconds. */
  readonly maxAgeMs: number;
  readonly log: Log;
}

/** How often the age of what is kept is renewed while Consul answers. */
const REFRESH_MS = 3_600_000;
/** How long answers of the source are waited for when the first one is there, before they replace what was kept. */
const TOGETHER_MS = 10_000;

/**
 * A source that keeps the answers of another one on the disk. When that one fails before it has answered
 * anything, the answers of the last run stand in, if they are young enough; its own answers replace them all
 * together as soon as they are there.
 */
export function lastKnownGoodSource(inner: OpenSource, options: LastKnownGoodOptions): OpenSource {
  return (listener, signal) => openLastGood(inner, { ...options, listener, signal });
}

function openLastGood(
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
  /** Stands in for the inner source's answers. */
  let standIn: LastKnownGood | undefined;
  let state: "untried" | "reading" | "standing in" | "done" = "untried";
  let patience: NodeJS.Timeout | undefined;
  const saver = createSaver({
    path,
    refreshMs: Math.min(REFRESH_MS, maxAgeMs / 4),
    log,
    signal,
    answers: () => [...answers.values()],
    isFresh: () => errors.size === 0,
  });
  signal.addEventListener("abort", () => clearTimeout(patience));

  const source = inner(
    {
      answered(query, value) {
        const text = queryText(query);
        if (!followed.has(text)) return;
        errors.delete(text);
        answers.set(text, { query, value });
        saver.changed();
        if (state !== "standing in") {
          state = "done";
          listener.answered(query, value);
        } else if ([...followed.keys()].every((it) => answers.has(it) || isRefused(it))) replace();
        else patience ??= setTimeout(replace, TOGETHER_MS);
      },
      failed(query, error) {
        const text = queryText(query);
        if (followed.has(text)) errors.set(text, error);
        listener.failed(query, error);
        // One that is refused alone says nothing of Consul.
        const isAway = !isRefused(text) || [...followed.keys()].every(isRefused);
        if (state === "untried" && isAway) void tryStandIn(isRefused(text));
      },
    },
    signal,
  );

  return {
    follow(queries) {
      const added = [...queries].filter(([text]) => !followed.has(text));
      followed = queries;
      for (const text of answers.keys()) if (!queries.has(text)) answers.delete(text);
      for (const text of errors.keys()) if (!queries.has(text)) errors.delete(text);
      source.follow(queries);
      if (state === "standing in") queueMicrotask(() => answerFromStandIn(new Map(added)));
    },
  };

  function isRefused(text: string): boolean {
    return errors.get(text)?.code === "CONSUL_REFUSED";
  }

  async function tryStandIn(isAllRefused: boolean): Promise<void> {
    state = "reading";
    const lastKnownGood = await readYoungEnough();
    // An answer may have come meanwhile.
    if (state !== "reading" || signal.aborted) return;
    if (lastKnownGood === undefined) {
      state = "done";
      return;
    }
    state = "standing in";
    standIn = lastKnownGood;
    listener.fallback?.(lastKnownGood.savedAt);
    log.warn(
      { savedAt: lastKnownGood.savedAt },
      `Consul ${isAllRefused ? "refuses all that is asked" : "does not answer"}: the last known good catalog, of ${lastKnownGood.savedAt.toISOString()}, is used until it does`,
    );
    answerFromStandIn(followed);
  }

  async function readYoungEnough(): Promise<LastKnownGood | undefined> {
    try {
      const lastKnownGood = await readLastKnownGood(path);
      if (lastKnownGood === undefined || Date.now() - lastKnownGood.savedAt.getTime() <= maxAgeMs)
        return lastKnownGood;
      log.warn(
        {
          savedAt: lastKnownGood.savedAt,
          hint: "Raise consul.lastKnownGood.maxAge to use an older one",
        },
        `the last known good catalog, of ${lastKnownGood.savedAt.toISOString()}, is too old to be used`,
      );
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.warn({ err: error, hint: error.hint }, error.message);
    }
    return undefined;
  }

  function answerFromStandIn(queries: ReadonlyMap<string, Query>): void {
    if (state !== "standing in") return;
    for (const [text, query] of queries) {
      const value = standIn?.answers.get(text);
      if (value === undefined || !followed.has(text)) continue;
      listener.answered(query, value);
      const error = errors.get(text);
      if (error !== undefined) listener.failed(query, error); // it is not fresh
    }
  }

  /** The inner source's own answers take over. What it has not answered by now keeps its stand-in. */
  function replace(): void {
    clearTimeout(patience);
    state = "done";
    standIn = undefined;
    log.info("Consul answers: its catalog replaces the last known good one");
    listener.fallback?.(undefined);
    for (const { query, value } of answers.values()) listener.answered(query, value);
  }
}
