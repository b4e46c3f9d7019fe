import type { Instance } from "./instance.ts";
import { type AnswerValue, type Query, queryText } from "./query.ts";

/** An immutable set of answers: the only input of rendering. */
export interface Snapshot {
  /** Counts up with every change of content; two snapshots of one store with equal versions are the same. */
  readonly version: number;
  /** When the content last changed, in milliseconds since 1970. */
  readonly takenAtMs: number;
  /** The answer to `query`, or `undefined` when the source has not answered yet. */
  get<Q extends Query>(query: Q): AnswerValue<Q> | undefined;
  /** The last instances of services that were deregistered, and whose routes are kept for a while. */
  readonly lingering?: readonly (readonly Instance[])[];
  /** What was used last in place of an empty answer that a template cannot do without, such as a removed key's. */
  lastInForce?(query: Query): AnswerValue | undefined;
}

/** Makes a snapshot of answers keyed by their query's canonical text. The map must not change afterwards. */
export function createSnapshot(
  answers: ReadonlyMap<string, AnswerValue>,
  version: number,
  takenAtMs = 0,
): Snapshot {
  return {
    version,
    takenAtMs,
    get: <Q extends Query>(query: Q) => answers.get(queryText(query)) as AnswerValue<Q> | undefined,
  };
}
