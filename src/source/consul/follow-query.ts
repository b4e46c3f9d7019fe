import type { AppError } from "../../errors.ts";
import {
  blockingQuery,
  type Fetch,
  type FollowedAnswer,
  type QueryState,
} from "./blocking-query.ts";
import { type ConsulContext, expectedError } from "./consul-context.ts";
import { type ConsulRequest, indexOf, jsonOf, requestConsul } from "./consul-request.ts";

/** Something of Consul that is followed by a blocking query. */
export interface FollowedQuery<T> {
  /**
   * Its name in an outage, unique among all queries of the source. Without a name, the answers of other queries never wait
   * for it.
   */
  readonly text?: string;
  /** Reads it once. It gets a slot for a blocking query. */
  readonly fetch: Fetch<T>;
  readonly onAnswer: (answer: FollowedAnswer<T>) => void;
  /** Called for each failed attempt. */
  readonly onFailure: (error: AppError, failures: number) => void;
}

/**
 * Holds a blocking query open until `signal` aborts.
 *
 * @throws nothing but bugs
 */
export async function followQuery<T>(
  context: ConsulContext,
  query: FollowedQuery<T>,
  signal: AbortSignal,
): Promise<void> {
  const { outage, indexResets, polls, tokenChanges } = context;
  const fetch = tokenChanges.restarting(query.fetch);
  const states = blockingQuery<T>((index, stop) => polls.run(stop, () => fetch(index, stop)), {
    signal,
    random: Math.random,
    pause: outage.pause,
    resets: indexResets.count,
  });
  try {
    for await (const state of states) take(context, query, state);
  } catch (error) {
    if (query.text !== undefined) {
      outage.forget(query.text);
      context.sight.note(query.text, undefined);
    }
    if (!signal.aborted) throw error;
  }
}

function take<T>(
  { outage, indexResets, sight }: ConsulContext,
  { text, onAnswer, onFailure }: FollowedQuery<T>,
  state: QueryState<T>,
): void {
  switch (state.kind) {
    case "answer":
      onAnswer(state.answer);
      break;
    case "unchanged":
      if (text !== undefined) outage.unchanged(text);
      break;
    case "reset":
      if (state.noticed === "backwards") indexResets.wentBackwards();
      else if (text !== undefined) outage.suspect(text);
      break;
    case "failed": {
      const error = expectedError(state.error);
      if (text !== undefined && error.code === "CONSUL_UNSEEN") {
        outage.unchanged(text); // it did answer
        sight.note(text, error);
        onFailure(error, state.failures);
        break;
      }
      indexResets.failed(error, state.failures);
      if (text !== undefined) outage.failed(text, error, state.failures);
      onFailure(error, state.failures);
    }
  }
}

/** A {@link Fetch} that sends a request and parses the JSON of its answer. */
export function fetchJson<T>(
  context: ConsulContext,
  request: ConsulRequest,
  parse: (body: unknown) => T,
): Fetch<T> {
  const { client, config } = context;
  return async (index, signal) => {
    const options = { config, index, waitMs: context.waitMs(), signal };
    const answer = await requestConsul(client, request, options);
    return { index: indexOf(answer), value: parse(jsonOf(answer)) };
  };
}
