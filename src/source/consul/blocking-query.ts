import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type Backoff, backoffMs } from "../../backoff.ts";

/** One answer of Consul. `index` is its X-Consul-Index. */
export interface IndexedAnswer<T> {
  readonly index: bigint;
  readonly value: T;
  /** Consul says that the token sees only a part of it. Consul sends that from 1.11 on. */
  readonly isFiltered?: true;
}

/** An answer that is followed. */
export interface FollowedAnswer<T> extends IndexedAnswer<T> {
  /**
   * Whether Consul may have lost its history since the last answer: this is the first one, the first after a
   * failure or a reset, or its index went backwards. What was learned from older indexes no longer counts.
   */
  readonly startsOver: boolean;
}

/** What happened to a blocking query. */
export type QueryState<T> =
  | { readonly kind: "answer"; readonly answer: FollowedAnswer<T> }
  /** The wait ran out with nothing new. */
  | { readonly kind: "unchanged" }
  /** An attempt failed. The next one follows after a pause. */
  | { readonly kind: "failed"; readonly error: unknown; readonly failures: number }
  /**
   * Indexes seen so far no longer count: the index of this query went `backwards`, or the reset was noticed
   * `elsewhere`, by another query. The query starts over.
   */
  | { readonly kind: "reset"; readonly noticed: "backwards" | "elsewhere" };

/** Asks once. Index 0 answers at once, another one when there is something newer or the wait is over. */
export type Fetch<T> = (index: bigint, signal: AbortSignal) => Promise<IndexedAnswer<T>>;

export interface QueryOptions {
  readonly signal: AbortSignal;
  /**
   * How often an index reset was noticed so far, by any query. After a restart Consul would hold the next request of this
   * query with its old index, and stay silent until its own index is as high.
   */
  readonly resets: () => number;
  /** Waits before the next attempt, in milliseconds; may end early when there is reason to try at once. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
}

/** Least time between two answers of one query: a query that changes all the time is read this often. */
const FLOOR_MS = 50;
/** Pauses before a read of Consul is tried again. */
export const CONSUL_BACKOFF: Backoff = { firstMs: 100, longestMs: 3_000, spread: 0.25 };

/**
 * Follows one Consul blocking query for as long as the caller keeps pulling.
 *
 * Yields the first answer, then one per change, and each failure, reset and empty wait between them. An answer with the same
 * index and another value is a change as well: a policy of the token moves no index, and decides what is seen. A failed
 * request never ends the stream: it is retried with backoff. After a failure the query starts over at index 0, as the
 * agent may have lost its history meanwhile.
 *
 * Source: Consul documentation, "Blocking Queries", section "Implementation Details".
 *
 * @throws the signal's reason, once aborted. Nothing else.
 */
export async function* blockingQuery<T>(
  fetch: Fetch<T>,
  { signal, resets, pause, random }: QueryOptions,
): AsyncGenerator<QueryState<T>, never> {
  let index = 0n;
  let last: IndexedAnswer<T> | undefined;
  let failures = 0;
  let earliestMs = 0;
  let resetsSeen = resets();
  for (;;) {
    await pauseUntil(earliestMs, signal);
    const isRetry = failures > 0;
    if (!isRetry && index !== 0n && resetsSeen !== resets()) {
      index = 0n;
      yield { kind: "reset", noticed: "elsewhere" };
    }
    resetsSeen = resets();
    const fetched = await attempt(fetch, isRetry ? 0n : index, signal);
    if ("error" in fetched) {
      failures += 1;
      yield { kind: "failed", error: fetched.error, failures };
      await pause(backoffMs(CONSUL_BACKOFF, failures, random()), signal);
      continue;
    }
    earliestMs = performance.now() + FLOOR_MS;
    failures = 0;
    if (fetched.index === index && !isRetry && isDeepStrictEqual(fetched.value, last?.value)) {
      yield { kind: "unchanged" };
      continue;
    }
    last = fetched;
    const isBackwards = fetched.index < index;
    if (isBackwards) yield { kind: "reset", noticed: "backwards" };
    const startsOver = index === 0n || isRetry || isBackwards;
    // An index that goes backwards means Consul lost its history (restored snapshot): start over.
    index = isBackwards ? 0n : fetched.index;
    yield { kind: "answer", answer: { ...fetched, startsOver } };
  }
}

/** One attempt. @throws the signal's reason, once aborted. Nothing else. */
async function attempt<T>(
  fetch: Fetch<T>,
  index: bigint,
  signal: AbortSignal,
): Promise<IndexedAnswer<T> | { readonly error: unknown }> {
  try {
    return await fetch(index, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { error };
  }
}

async function pauseUntil(timeMs: number, signal: AbortSignal): Promise<void> {
  const restMs = timeMs - performance.now();
  if (restMs > 0) await sleep(restMs, undefined, { signal });
}
