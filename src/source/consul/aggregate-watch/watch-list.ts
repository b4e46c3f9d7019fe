import type { AppError } from "../../../errors.ts";
import { blockingQuery, type FollowedAnswer } from "../blocking-query.ts";
import { type ConsulContext, expected } from "../consul-context.ts";
import { type ConsulRequest, indexOf, jsonOf, requestConsul } from "../consul-request.ts";

/** One aggregate of Consul that changes whenever something of a kind changes, whatever the service. */
export interface ListWatch<T> {
  /** Unique among all queries and bells of the source. */
  readonly text: string;
  readonly question: ConsulRequest;
  readonly parse: (body: unknown) => T;
  readonly onAnswer: (answer: FollowedAnswer<T>) => void;
  /** Told of each failed attempt. */
  readonly onFailure: (error: AppError, failures: number) => void;
}

/**
 * Holds a blocking query open on a bell until `signal` aborts.
 *
 * @throws nothing but bugs
 */
export async function watchList<T>(
  context: ConsulContext,
  bell: ListWatch<T>,
  signal: AbortSignal,
): Promise<void> {
  const { client, config, outage, indexResets } = context;
  const answers = blockingQuery<T>(
    (index, stop) =>
      context.polls.run(stop, async () => {
        const options = { config, index, waitMs: context.waitMs(), signal: stop };
        const answer = await requestConsul(client, bell.question, options);
        return { index: indexOf(answer), value: bell.parse(jsonOf(answer)) };
      }),
    {
      signal,
      random: Math.random,
      pause: outage.pause,
      losses: indexResets.count,
      onWentBack: indexResets.wentBack,
      onDoubt: () => outage.suspect(bell.text),
      onUnchanged: () => outage.unchanged(bell.text),
      onFailure(error, failures) {
        const failure = expected(error);
        indexResets.note(failure, failures);
        outage.failed(bell.text, failure, failures);
        bell.onFailure(failure, failures);
      },
    },
  );
  try {
    for await (const answer of answers) bell.onAnswer(answer);
  } catch (error) {
    outage.forget(bell.text);
    if (!signal.aborted) throw error;
  }
}
