import {
  type Element,
  isInstances,
  isListOfParts,
  listed,
  partOf,
  partText,
} from "../../catalog/part.ts";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import { compose } from "./compose-answer.ts";
import type { EffectiveParts, Notes, PinCause } from "./effective-parts.ts";
import { isOut } from "./element-rules.ts";

/** What a render of one proxy uses, of what the catalog says. */
export interface EffectiveAnswers extends Snapshot {
  /** The newest answers. */
  readonly newest: Snapshot;
  /** The queries among those asked so far that go on with something older, by canonical text. */
  readonly pinned: ReadonlyMap<string, PinCause>;
  /** Servers of older answers that take no requests, as another service has their address and port now. */
  readonly dropped: ReadonlySet<string>;
}

/**
 * The answers that a render uses: per query the newest one, without parts in quarantine. In place of such a part, and of
 * what was lost while the guard holds, goes what is in force; but never a server whose address and port the
 * catalog now gives to another service.
 */
export function effectiveAnswers(parts: EffectiveParts): EffectiveAnswers {
  const { newest } = parts;
  const known = new Map<string, AnswerValue | undefined>();
  const pinned = new Map<string, PinCause>();
  const dropped = new Set<string>();
  return {
    version: newest.version,
    takenAtMs: newest.takenAtMs,
    newest,
    pinned,
    dropped,
    get<Q extends Query>(query: Q) {
      const text = queryText(query);
      if (!known.has(text)) known.set(text, answerTo(query, parts, { text, pinned, dropped }));
      return known.get(text) as AnswerValue<Q> | undefined;
    },
  };
}

function answerTo(query: Query, parts: EffectiveParts, notes: Notes): AnswerValue | undefined {
  const newest: AnswerValue | undefined = parts.newest.get<Query>(query);
  if (newest === undefined) {
    const kept = parts.isFailing(notes.text) ? parts.inForce(query) : undefined;
    if (kept === undefined) return undefined;
    notes.pinned.set(notes.text, "unanswered");
    return isInstances(query)
      ? compose(query, [], parts, { ...notes, keepsLost: true, cause: "unanswered" })
      : kept;
  }
  if (!isListOfParts(query)) return single(query, newest, parts, notes);
  if (isServiceOut(query, newest, parts))
    return compose(query, [], parts, { ...notes, keepsLost: true, cause: "fault" });
  const isConcerned =
    parts.isHeld || parts.quarantine.concerns(query) || isAnyWithout(query, parts);
  if (!isConcerned) return newest;
  return compose(query, newest as readonly Element[], parts, { ...notes, keepsLost: parts.isHeld });
}

/** An answer without smaller parts: the newest one, or the last one in force. */
function single(
  query: Query,
  newest: AnswerValue,
  parts: EffectiveParts,
  { text, pinned }: Notes,
): AnswerValue {
  const kept = parts.inForce(query);
  if (newest === null) {
    if (!parts.isHeld || kept === undefined || kept === null) return newest;
    pinned.set(text, "held");
    return kept;
  }
  const part = partText(partOf(query, newest));
  if (!isOut(part, newest, parts) || kept === undefined || kept === null) return newest;
  pinned.set(text, "fault");
  return kept;
}

/** Whether the service that a query is about is out as a whole, while something of it is in force. */
function isServiceOut(query: Query, newest: AnswerValue, parts: EffectiveParts): boolean {
  if (!("name" in query) || parts.inForce(query) === undefined) return false;
  const part = partText({ kind: "service", service: query.name });
  return isOut(part, newest, parts) && !parts.dropped.has(part);
}

function isAnyWithout(query: Query, { newest, without }: EffectiveParts): boolean {
  if (without === undefined || without.size === 0) return false;
  const answer = newest.get(query) as AnswerValue;
  return listed(query, answer).some((element) => without.has(partText(partOf(query, element))));
}
