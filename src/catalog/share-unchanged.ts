import { isDeepStrictEqual } from "node:util";
import type { AnswerValue } from "./query.ts";

/**
 * An answer in which the entries that did not change since the answer before are the same objects, so that
 * results derived from them can be kept.
 */
export function shareUnchanged(before: AnswerValue | undefined, answer: AnswerValue): AnswerValue {
  if (!Array.isArray(before) || !Array.isArray(answer)) return answer;
  const entries = new Map((before as readonly Entry[]).map((it) => [keyOf(it), it]));
  return (answer as readonly Entry[]).map((entry) => {
    const same = entries.get(keyOf(entry));
    return isDeepStrictEqual(same, entry) ? same : entry;
  }) as unknown as AnswerValue;
}

type Entry = string | Readonly<Record<"id" | "node" | "name" | "key", unknown>>;

/** Identifies an entry of a list. */
const keyOf = (entry: Entry): string =>
  typeof entry === "string" ? entry : JSON.stringify([entry.node, entry.id, entry.name, entry.key]);
