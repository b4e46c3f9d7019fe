import { isDeepStrictEqual } from "node:util";
import type { AnswerValue, Query } from "../../../catalog/query.ts";
import type { Fetch, IndexedAnswer } from "../blocking-query.ts";
import type { ConsulContext } from "../consul-context.ts";
import { believe } from "./believe.ts";
import type { Believed } from "./believed.ts";
import type { Judgement } from "./judgement.ts";

/** How long a query is held while its answer is doubted, so that it is soon noticed when the token sees everything again. */
const DOUBTED_WAIT_MS = 3_000;

/** A {@link Fetch} that passes on what is believed of each answer, and how long Consul may hold the next one. */
export function believing(
  context: ConsulContext,
  query: Query,
  read: Fetch<AnswerValue>,
): { readonly fetch: Fetch<Believed>; readonly waitMs: () => number } {
  const { ask, sight } = context;
  /** The last answer, as it came, and what was believed of it. */
  let raw: IndexedAnswer<AnswerValue> | undefined;
  let before: IndexedAnswer<Believed> | undefined;
  /** The index of the last answer that was believed as it came. */
  let undoubtedIndex: bigint | undefined;
  const isDoubted = () => before?.value.doubt !== undefined;
  return {
    waitMs: () => (isDoubted() ? Math.min(DOUBTED_WAIT_MS, context.waitMs()) : context.waitMs()),
    async fetch(index, signal) {
      const answer = await read(index, signal);
      const isUnchanged = index === answer.index && isDeepStrictEqual(answer.value, raw?.value);
      if (isUnchanged && before?.index === index) return before;
      const result = await believe(query, answer, {
        before: await answerBefore(),
        isContinued: index !== 0n && undoubtedIndex === index && before?.index === index,
        ask,
        sight,
      });
      raw = answer;
      before = result;
      if (!isDoubted()) undoubtedIndex = result.index;
      return result;
    },
  };

  async function answerBefore(): Promise<Judgement["before"]> {
    if (before !== undefined) return { index: before.index, value: before.value.value };
    const value = await context.savedAnswer(query);
    return value === undefined ? undefined : { value };
  }
}
