import type { AnswerValue } from "../../../catalog/query.ts";
import type { Ask } from "./presence.ts";
import type { Sight } from "./sight.ts";

/** An answer that an answer is compared with. */
interface Before {
  readonly index?: bigint;
  readonly value: AnswerValue;
}

/** What an answer is judged by. */
export interface Judgement {
  /** What is believed of the answer before; nothing at the first one. Without an index it is of an earlier run. */
  readonly before: Before | undefined;
  /**
   * Whether Consul was asked for a change since that answer, which was believed as it came: then equal indexes mean that there
   * was none.
   */
  readonly isContinued: boolean;
  readonly ask: Ask;
  readonly sight: Sight;
}
