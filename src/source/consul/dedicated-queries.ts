import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import { blockingQuery } from "./blocking-query.ts";
import { type ConsulContext, expected } from "./consul-context.ts";
import { readQuery } from "./read-query.ts";

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
        controller.abort(new Error("nobody asks this any more"));
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

  async function follow(query: Query, stop: AbortSignal): Promise<void> {
    const { client, config, outage, indexResets, listener } = context;
    const text = queryText(query);
    const answers = blockingQuery<AnswerValue>(
      (index, signal) =>
        context.polls.run(signal, () =>
          readQuery(client, query, { config, index, waitMs: context.waitMs(), signal }),
        ),
      {
        signal: stop,
        random: Math.random,
        pause: outage.pause,
        losses: indexResets.count,
        onWentBack: indexResets.wentBack,
        onDoubt: () => outage.suspect(text),
        onUnchanged: () => outage.unchanged(text),
        onFailure(error, failures) {
          const failure = expected(error);
          indexResets.note(failure, failures);
          outage.failed(text, failure, failures);
          listener.failed(query, failure);
        },
      },
    );
    try {
      for await (const { value } of answers) {
        outage.answered(text, () => listener.answered(query, value));
      }
    } catch (error) {
      outage.forget(text);
      if (!stop.aborted) throw error;
    }
  }
}
