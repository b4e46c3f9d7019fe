import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { Fetch } from "./blocking-query.ts";
import type { ConsulContext } from "./consul-context.ts";
import { followQuery } from "./follow-query.ts";
import { readQuery } from "./read-query.ts";
import type { Believed } from "./token-sight/believed.ts";
import { believing } from "./token-sight/believing.ts";

/** Queries that are followed by a blocking query each. */
export interface DedicatedQueries {
  /** Replaces the set of followed queries, keyed by canonical text. */
  follow(queries: ReadonlyMap<string, Query>): void;
}

export function createDedicatedQueries(context: ConsulContext): DedicatedQueries {
  const running = new Map<string, AbortController>();
  return {
    follow(queries) {
      for (const [text, controller] of running) {
        if (queries.has(text)) continue;
        controller.abort(new Error("this query is no longer followed"));
        running.delete(text);
      }
      for (const [text, query] of queries) {
        if (!running.has(text) && !context.signal.aborted) running.set(text, start(query));
      }
    },
  };

  function start(query: Query): AbortController {
    const controller = new AbortController();
    void follow(query, AbortSignal.any([controller.signal, context.signal]));
    return controller;
  }

  async function follow(query: Query, end: AbortSignal): Promise<void> {
    const { client, config, outage, listener, sight } = context;
    const text = queryText(query);
    const read: Fetch<AnswerValue> = (index, signal) =>
      readQuery(client, query, { config, index, waitMs: waitMs(), signal });
    const { fetch, waitMs } = believing(context, query, read);
    await followQuery<Believed>(
      context,
      {
        text,
        fetch,
        onAnswer: ({ value: { value, doubt } }) =>
          outage.answered(text, () => {
            sight.note(text, doubt);
            listener.answered(query, value);
            if (doubt !== undefined) listener.failed(query, doubt);
          }),
        onFailure: (error) => listener.failed(query, error),
      },
      end,
    );
  }
}
