import { setTimeout as sleep } from "node:timers/promises";
import { retryDelayMs } from "./retry-delay.ts";

/** One answer of Consul. `index` is its X-Consul-Index. */
export interface IndexedAnswer<T> {
  readonly index: bigint;
  readonly value: T;
}

/** An answer that is followed. */
export interface FollowedAnswer<T> extends IndexedAnswer<T> {
  /**
   * Whether Consul may have lost its history since the last answer: this is the first one, the first after a
   * failure or after anybody noticed a loss, or its index went backwards. What was learned from older indexes does not
   * count any more.
   */
  readonly isAnew: boolean;
}

/** Asks once. Index 0 answers at once, another one when there is something newer or the wait is over. */
export type Fetch<T> = (index: bigint, signal: AbortSignal) => Promise<IndexedAnswer<T>>;

export interface QueryOptions {
  readonly signal: AbortSignal;
  /** Told of each failed attempt, before the wait for the next one. */
  readonly onFailure: (error: unknown, failures: number) => void;
  /**
   * How often Consul may have lost its history so far, as anybody noticed. One that was started anew between two requests
   * of this query would hold the next with an index of before, and tell nothing until its own is as high.
   */
  readonly losses: () => number;
  /** Told when that was noticed since the last answer was asked for: it is asked for anew. */
  readonly onDoubt: () => void;
  /** Told when the index went backwards. */
  readonly onWentBack: () => void;
  /** Told when Consul answered that there is nothing new. */
  readonly onUnchanged: () => void;
  /** Waits before the next attempt, in milliseconds; may end early when there is reason to try at once. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
}

/** Least time between two answers of one query: a query that changes all the time is read this often. */
const FLOOR_MS = 50;

/**
 * Follows one Consul blocking query for as long as the caller keeps pulling.
 *
 * Yields the first answer, then one per index change. A failed request never ends the stream: it is
 * retried with backoff and the last yielded answer stays in force. After a failure the query is read
 * anew, as the agent may have lost its history meanwhile.
 *
 * Source: Consul documentation, "Blocking Queries", section "Implementation Details".
 *
 * @throws the signal's reason, once aborted. Nothing else.
 */
export async function* blockingQuery<T>(
  fetch: Fetch<T>,
  options: QueryOptions,
): AsyncGenerator<FollowedAnswer<T>, never> {
  let index = 0n;
  let answeredAt = 0;
  let losses = 0;
  for (;;) {
    await pauseUntil(answeredAt + FLOOR_MS, options.signal);
    if (losses !== options.losses() && index !== 0n) {
      index = 0n;
      options.onDoubt();
    }
    const fetched = await fetchUntilAnswered(fetch, index, options);
    const { answer, retried } = fetched;
    answeredAt = performance.now();
    losses = fetched.losses;
    if (answer.index === index && !retried) {
      options.onUnchanged(); // the wait ran out
      continue;
    }
    const wentBack = answer.index < index;
    if (wentBack) options.onWentBack();
    const isAnew = index === 0n || retried || wentBack;
    // An index that goes backwards means Consul lost its history (restored snapshot): start over.
    index = wentBack ? 0n : answer.index;
    yield { ...answer, isAnew };
  }
}

async function fetchUntilAnswered<T>(fetch: Fetch<T>, index: bigint, options: QueryOptions) {
  for (let failures = 0; ; ) {
    const losses = options.losses();
    try {
      const answer = await fetch(failures === 0 ? index : 0n, options.signal);
      return { answer, retried: failures > 0, losses };
    } catch (error) {
      options.signal.throwIfAborted();
      failures += 1;
      options.onFailure(error, failures);
      await options.pause(retryDelayMs(failures, options.random()), options.signal);
    }
  }
}

async function pauseUntil(timeMs: number, signal: AbortSignal): Promise<void> {
  const restMs = timeMs - performance.now();
  if (restMs > 0) await sleep(restMs, undefined, { signal });
}
