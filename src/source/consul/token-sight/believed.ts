import type { AnswerValue } from "../../../catalog/query.ts";
import type { AppError } from "../../../errors.ts";

/** What of an answer is believed. */
export interface Believed {
  readonly value: AnswerValue;
  /** Why it is not the answer as it came: what the token does not see any more is still in it. */
  readonly doubt?: AppError;
}
