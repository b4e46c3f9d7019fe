import type { AppError } from "../../../errors.ts";
import { askConsul, indexOf, jsonOf, type Question } from "../ask-consul.ts";
import { blockingQuery, type FollowedAnswer } from "../blocking-query.ts";
import { expected, type Link } from "../link.ts";

/** One aggregate of Consul that changes whenever something of a kind changes, whatever the service. */
export interface Bell<T> {
  /** Unique among all queries and bells of the source. */
  readonly text: string;
  readonly question: Question;
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
export async function listenToBell<T>(
  link: Link,
  bell: Bell<T>,
  signal: AbortSignal,
): Promise<void> {
  const { client, config, outage, lost } = link;
  const answers = blockingQuery<T>(
    (index, stop) =>
      link.polls.run(stop, async () => {
        const options = { config, index, waitMs: link.waitMs(), signal: stop };
        const answer = await askConsul(client, bell.question, options);
        return { index: indexOf(answer), value: bell.parse(jsonOf(answer)) };
      }),
    {
      signal,
      random: Math.random,
      pause: outage.pause,
      losses: lost.count,
      onWentBack: lost.wentBack,
      onDoubt: () => outage.suspect(bell.text),
      onUnchanged: () => outage.unchanged(bell.text),
      onFailure(error, failures) {
        const failure = expected(error);
        lost.note(failure, failures);
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
