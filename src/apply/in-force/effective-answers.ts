import { isDeepStrictEqual } from "node:util";
import type { Instance } from "../../catalog/instance.ts";
import {
  type Element,
  elementsOf,
  isInstances,
  isListOfParts,
  listed,
  partOf,
  partText,
} from "../../catalog/part.ts";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import { addressOf } from "./address-claims.ts";
import { sorted } from "./sorted.ts";

/** Why a query goes on with an older answer, or with an older part of one. */
export type PinCause =
  /** Its newest data is in quarantine. */
  | "fault"
  /** What it had is lost, and the guard holds that. */
  | "held"
  /** The source has no answer while others answer. */
  | "unanswered"
  /** What the template cannot do without was removed. */
  | "removed";

/** What a render of one proxy uses, of what the catalog says. */
export interface EffectiveAnswers extends Snapshot {
  /** The newest answers. */
  readonly newest: Snapshot;
  /** The queries among those asked so far that go on with something older, by canonical text. */
  readonly pinned: ReadonlyMap<string, PinCause>;
  /** How many servers were taken out of older answers, as their address and port are another service's now. */
  readonly dropped: ReadonlySet<string>;
}

/** What {@link effectiveAnswers} goes by. */
export interface EffectiveParts {
  readonly newest: Snapshot;
  /** The last answer in force. */
  readonly inForce: (query: Query) => AnswerValue | undefined;
  readonly quarantine: Pick<Quarantine, "concerns" | "has">;
  /** Parts that are left out as well, by canonical text; `drop` without an older one in their place. */
  readonly without?: ReadonlySet<string>;
  /** Parts for which nothing older may stand in, as that was found at fault too. */
  readonly dropped: ReadonlySet<string>;
  /** Whether what was lost is kept. */
  readonly isHeld: boolean;
  /** Whether the guard asks for a least number of passing instances of a service: then those that fail are kept, too. */
  readonly hasMinimum: (service: string) => boolean;
  /** Whether the source fails to answer a query, by canonical text. */
  readonly isFailing: (text: string) => boolean;
  /** Whether another service has an instance's address and port in the newest answers. */
  readonly isAnothers: (instance: Instance) => boolean;
  /** The last list that was composed for each query: while its entries are equal it stays the same object. */
  readonly composed: Map<string, readonly Element[]>;
}

/**
 * The answers that a render uses: per query the newest one, without parts in quarantine. In place of such a part, and of
 * what was lost while the guard holds, stands what is in force; but never a server whose address and port the
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

interface Notes {
  readonly text: string;
  readonly pinned: Map<string, PinCause>;
  readonly dropped: Set<string>;
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

interface ComposeNotes extends Notes {
  /** Whether entries that the newest answer does not have any more are kept. */
  readonly keepsLost: boolean;
  /** Why; `held` when absent. */
  readonly cause?: PinCause;
}

/** Lists: entry by entry. */
function compose(
  query: Query,
  newest: readonly Element[],
  parts: EffectiveParts,
  { text, pinned, dropped, keepsLost, cause: given }: ComposeNotes,
): AnswerValue {
  const answer = parts.inForce(query);
  const force: ReadonlyMap<string, Element> =
    answer === undefined ? new Map() : elementsOf(query, answer);
  const result: Element[] = [];
  const seen = new Set<string>();
  let isAnyOut = false;
  let cause: PinCause | undefined;
  const lostCause = given ?? "held";
  const isServed = newest.some((it) => isInstance(it) && isHealthy(it));

  for (const element of newest) {
    const part = partText(partOf(query, element));
    seen.add(part);
    const old = force.get(part);
    if (isOut(part, element, parts)) {
      isAnyOut = true;
      if (old !== undefined && mayStandIn(part, element, old, parts)) {
        keep(older(element, old));
        cause ??= "fault";
      }
    } else if (
      keepsLost &&
      old !== undefined &&
      isLost(element, old, { hasMinimum: parts.hasMinimum, isServed })
    ) {
      keep(old);
      cause = lostCause;
    } else result.push(element);
  }
  // Without any healthy instance the service would be gone: then what is in force goes on as a whole.
  const wouldBeGone =
    isAnyOut &&
    isInstances(query) &&
    !result.some(isPassing) &&
    [...force.values()].some(isPassing);
  if (keepsLost || wouldBeGone) {
    for (const [part, old] of force) {
      if (seen.has(part)) continue;
      keep(old);
      cause ??= keepsLost ? lostCause : "fault";
    }
  }
  if (cause !== undefined && pinned.get(text) === undefined) pinned.set(text, cause);
  if (!isAnyOut && cause === undefined) return newest as unknown as AnswerValue;
  return stable(text, sorted(query, result), parts.composed);

  function keep(element: Element): void {
    if (isInstances(query) && parts.isAnothers(element as Instance)) {
      dropped.add(`${(element as Instance).name} ${addressOf(element as Instance)}`);
      result.push({ ...(element as Instance), status: "maintenance" }); // its routes answer 503
    } else result.push(element);
  }
}

/** Whether what is in force of a part may go on in its place: it is something else, and was not found at fault too. */
function mayStandIn(
  part: string,
  element: Element,
  old: Element,
  { dropped, without, quarantine }: EffectiveParts,
): boolean {
  if (dropped.has(part) || (without?.has(part) === true && quarantine.has(part, element)))
    return false;
  return !isEqual(old, element);
}

function isOut(part: string, element: Element, { quarantine, without }: EffectiveParts): boolean {
  return without?.has(part) === true || quarantine.has(part, element);
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

/**
 * An instance that is registered still, but that no check of its own says anything about, while it was healthy before. One
 * on a node that is down is not kept beside a healthy one: requests to it would fail.
 */
function isLost(
  element: Element,
  old: Element,
  { hasMinimum, isServed }: Pick<EffectiveParts, "hasMinimum"> & { readonly isServed: boolean },
): boolean {
  if (!isInstance(element) || !isInstance(old) || old.status === "critical") return false;
  if (element.isNodeCritical === true) return !isServed;
  if (element.isUnchecked === true) return true;
  return hasMinimum(element.name) && old.status === "passing" && element.status !== "passing";
}

/** What was in force of a part: of an instance with the health of now, while it is at the same address. */
function older(element: Element, old: Element): Element {
  if (!isInstance(element) || !isInstance(old)) return old;
  if (addressOf(element) !== addressOf(old) || element.status === old.status) return old;
  const { isNodeCritical: _, isUnchecked: __, ...rest } = old;
  return {
    ...rest,
    status: element.status,
    ...(element.isNodeCritical === true ? { isNodeCritical: true } : {}),
    ...(element.isUnchecked === true ? { isUnchecked: true } : {}),
  };
}

const isInstance = (element: Element): element is Instance =>
  typeof element === "object" && element !== null && "createIndex" in element;

const isHealthy = ({ status }: Instance): boolean => status === "passing" || status === "warning";

const isPassing = (element: Element): boolean => (element as Instance).status === "passing";

function stable(
  text: string,
  list: readonly Element[],
  composed: EffectiveParts["composed"],
): AnswerValue {
  const before = composed.get(text);
  const isSame = before?.length === list.length && before.every((it, i) => isEqual(it, list[i]));
  if (isSame) return before as unknown as AnswerValue;
  composed.set(text, list);
  return list as unknown as AnswerValue;
}

const isEqual = (a: Element, b: Element | undefined): boolean => a === b || isDeepStrictEqual(a, b);
