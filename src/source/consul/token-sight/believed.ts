import type { AnswerValue } from "../../../catalog/query.ts";
import type { AppError } from "../../../errors.ts";
import type { IndexedAnswer } from "../blocking-query.ts";

/** What of an answer is believed. */
export interface Believed {
  readonly value: AnswerValue;
  /** Why it is not the answer as it came: what the token does not see any more is still in it. */
  readonly doubt?: AppError;
}

/** An answer with what is believed of it as its value. */
export const believed = (
  answer: IndexedAnswer<AnswerValue>,
  value: Believed,
): IndexedAnswer<Believed> => ({ ...answer, value });
