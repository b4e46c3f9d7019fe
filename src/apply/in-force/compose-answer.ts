import type { Instance } from "../../catalog/instance.ts";
import { type Element, elementsOf, isInstances, partOf, partText } from "../../catalog/part.ts";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import { addressOf } from "./address-claims.ts";
import type { EffectiveParts, Notes, PinCause } from "./effective-parts.ts";
import {
  isEqual,
  isHealthyInstance,
  isInstance,
  isLost,
  isOut,
  isPassing,
  mayReplace,
  older,
} from "./element-rules.ts";
import { sorted } from "./sorted.ts";

interface ComposeNotes extends Notes {
  /** Whether entries that the newest answer does not have any more are kept. */
  readonly keepsLost: boolean;
  /** Why; `held` when absent. */
  readonly cause?: PinCause;
}

/** A list entry by entry: each as it is newest where that is usable, else as it is in force. */
export function compose(
  query: Query,
  newest: readonly Element[],
  parts: EffectiveParts,
  { text, pinned, dropped, keepsLost, cause: given = "held" }: ComposeNotes,
): AnswerValue {
  const answer = parts.inForce(query);
  const inForce = answer === undefined ? new Map<string, Element>() : elementsOf(query, answer);
  const result: Element[] = [];
  const seen = new Set<string>();
  let isAnyOut = false;
  let cause: PinCause | undefined;
  const isServed = newest.some((it) => isInstance(it) && isHealthyInstance(it));

  for (const element of newest) useNewest(element);
  if (keepsLost || wouldBeGone()) keepUnseen();
  if (cause !== undefined && pinned.get(text) === undefined) pinned.set(text, cause);
  if (!isAnyOut && cause === undefined) return newest as unknown as AnswerValue;
  return stable(text, sorted(query, result), parts.composed);

  function useNewest(element: Element): void {
    const part = partText(partOf(query, element));
    seen.add(part);
    const old = inForce.get(part);
    if (isOut(part, element, parts)) {
      isAnyOut = true;
      if (old === undefined || !mayReplace(part, element, old, parts)) return;
      keep(older(element, old));
      cause ??= "fault";
    } else if (keepsLost && old !== undefined && isLost(element, old, { ...parts, isServed })) {
      keep(old);
      cause = given;
    } else result.push(element);
  }

  /** Without any healthy instance the service would be gone: then what is in force goes on as a whole. */
  function wouldBeGone(): boolean {
    if (!isAnyOut || !isInstances(query) || result.some(isPassing)) return false;
    return [...inForce.values()].some(isPassing);
  }

  function keepUnseen(): void {
    for (const [part, old] of inForce) {
      if (seen.has(part)) continue;
      keep(old);
      cause ??= keepsLost ? given : "fault";
    }
  }

  /** What is in force; but a server that another service has now takes no requests: its routes answer 503. */
  function keep(element: Element): void {
    if (!isInstance(element) || !parts.isAnothers(element)) {
      result.push(element);
      return;
    }
    dropped.add(`${element.name} ${addressOf(element)}`);
    result.push({ ...element, status: "maintenance" } satisfies Instance);
  }
}

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
