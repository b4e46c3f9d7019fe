import type { Query } from "../../catalog/query.ts";
import type { AppError } from "../../errors.ts";
import type { EffectiveAnswers } from "./effective-answers.ts";
import type { PinCause } from "./effective-parts.ts";

/** A query that goes on with an older answer. */
export interface PinnedQuery {
  /** Its canonical text. */
  readonly query: string;
  readonly cause: PinCause;
  readonly reason: string;
  readonly hint: string;
}

/**
 * The queries of a render that go on with an older answer because the source has none while others answer, or because it
 * was removed and the templates cannot do without it. What a fault or the guard pins is reported there.
 */
export function pinnedQueries(
  {
    asked,
    removed,
  }: {
    readonly asked: ReadonlyMap<string, Query>;
    readonly removed: ReadonlyMap<string, Query>;
  },
  { pinned }: Pick<EffectiveAnswers, "pinned">,
  failures: ReadonlyMap<string, AppError>,
): readonly PinnedQuery[] {
  const unanswered = [...pinned]
    .filter(([query, cause]) => cause === "unanswered" && asked.has(query))
    .map(([query]): PinnedQuery => {
      const { message, hint } = failures.get(query) ?? UNANSWERED;
      return { query, cause: "unanswered", reason: message, hint };
    });
  const gone = [...removed.keys()].map(
    (query): PinnedQuery => ({
      query,
      cause: "removed",
      reason: "it was removed, and a template cannot do without it",
      hint: "Write it again, or let the template use keyOr, keyExists, ls or tree",
    }),
  );
  return [...unanswered, ...gone];
}

const UNANSWERED = { message: "it is not answered", hint: "See that the source can answer it" };
