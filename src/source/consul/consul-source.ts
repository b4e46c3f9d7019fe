import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { AnswerListener, OpenSource, Source } from "../../catalog/source.ts";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { blockingQuery } from "./blocking-query.ts";
import { createConsulClient } from "./consul-client.ts";
import { createOutage } from "./outage.ts";
import { readQuery } from "./read-query.ts";
import { createTurns } from "./turns.ts";

/** With more queries than sockets they take turns: none may then hold its socket for longer than this. */
const TURN_MS = 250;

/** A source that follows each query with a blocking query of its own, over at most `maxConnections` sockets. */
export function consulSource(config: ConsulConfig, log: Log): OpenSource {
  return (listener, signal) => openConsulSource(config, { log, listener, signal });
}

function openConsulSource(
  config: ConsulConfig,
  {
    log,
    listener,
    signal,
  }: { readonly log: Log; readonly listener: AnswerListener; readonly signal: AbortSignal },
): Source {
  const client = createConsulClient(config);
  const running = new Map<string, AbortController>();
  const turns = createTurns(config.maxConnections);
  const outage = createOutage(log);
  let crowded = false;
  signal.addEventListener("abort", () => {
    for (const query of running.values()) query.abort(signal.reason);
    client.destroy();
  });

  return {
    follow(queries) {
      for (const [text, controller] of running) {
        if (queries.has(text)) continue;
        controller.abort(new Error("nobody asks this any more"));
        running.delete(text);
      }
      noteCrowd(queries.size > config.maxConnections);
      for (const [text, query] of queries) {
        if (!running.has(text) && !signal.aborted) running.set(text, start(query));
      }
    },
  };

  function noteCrowd(now: boolean): void {
    if (now && !crowded) {
      log.warn(
        { maxConnections: config.maxConnections },
        "more queries than consul.maxConnections: they take turns, and a change may take seconds to be seen",
      );
    }
    crowded = now;
  }

  function start(query: Query): AbortController {
    const controller = new AbortController();
    void follow(query, controller.signal);
    return controller;
  }

  async function follow(query: Query, stop: AbortSignal): Promise<void> {
    const text = queryText(query);
    const answers = blockingQuery<AnswerValue>(
      (index, fetchSignal) =>
        turns.run(fetchSignal, () =>
          readQuery(client, query, {
            config,
            index,
            waitMs: crowded ? TURN_MS : config.wait,
            signal: fetchSignal,
          }),
        ),
      {
        signal: stop,
        random: Math.random,
        pause: outage.pause,
        onUnchanged: () => outage.unchanged(text),
        onFailure(error, failures) {
          const failure = toAppError(error);
          outage.failed(text, failure, failures);
          listener.failed(query, failure);
        },
      },
    );
    try {
      for await (const value of answers) {
        outage.answered(text, () => listener.answered(query, value));
      }
    } catch (error) {
      outage.forget(text);
      if (!stop.aborted) throw error;
    }
  }
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  throw error instanceof Error ? error : new Error(messageOf(error));
}
