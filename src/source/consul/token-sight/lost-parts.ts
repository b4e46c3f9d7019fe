import { elementsOf, isListOfParts } from "../../../catalog/part.ts";
import type { AnswerValue, Query } from "../../../catalog/query.ts";

/** How many parts are in one answer only. A node without its services has lost all. */
export function lostSince(query: Query, before: AnswerValue, after: AnswerValue): number {
  if (query.kind === "node") {
    return Math.max(0, servicesOn(before) - servicesOn(after));
  }
  if (!isListOfParts(query)) return before !== null && after === null ? 1 : 0;
  const now = elementsOf(query, after);
  return [...elementsOf(query, before).keys()].filter((part) => !now.has(part)).length;
}

const servicesOn = (value: AnswerValue): number =>
  value === null ? 0 : (value as { readonly services: readonly unknown[] }).services.length + 1;

/** Both answers together, in the order of the first one. */
export function withLost(query: Query, before: AnswerValue, after: AnswerValue): AnswerValue {
  if (!isListOfParts(query)) return before;
  const now = elementsOf(query, after);
  const then = elementsOf(query, before);
  const kept = [...then].map(([part, element]) => now.get(part) ?? element);
  const gained = [...now].filter(([part]) => !then.has(part)).map(([, element]) => element);
  return [...kept, ...gained] as unknown as AnswerValue;
}

export const isEmpty = (value: AnswerValue): boolean => (value as readonly unknown[]).length === 0;
