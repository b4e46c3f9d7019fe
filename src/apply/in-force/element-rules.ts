import { isDeepStrictEqual } from "node:util";
import type { Instance } from "../../catalog/instance.ts";
import type { Element } from "../../catalog/part.ts";
import { addressOf } from "./address-claims.ts";
import type { EffectiveParts } from "./effective-parts.ts";

/*
 * What holds for one part: whether its newest data is used, or what is in force of it, or neither.
 */

/** Whether what is in force of a part may go on in its place: it is something else, and was not found at fault too. */
export function mayReplace(
  part: string,
  element: Element,
  old: Element,
  { dropped, without, quarantine }: EffectiveParts,
): boolean {
  if (dropped.has(part) || (without?.has(part) === true && quarantine.has(part, element)))
    return false;
  return !isEqual(old, element);
}

export function isOut(
  part: string,
  element: Element,
  { quarantine, without }: EffectiveParts,
): boolean {
  return without?.has(part) === true || quarantine.has(part, element);
}

/**
 * An instance that is registered still, but that no check of its own says anything about, while it was healthy before. One
 * on a node that is down is not kept beside a healthy one: requests to it would fail.
 */
export function isLost(
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
export function older(element: Element, old: Element): Element {
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

export const isInstance = (element: Element): element is Instance =>
  typeof element === "object" && element !== null && "createIndex" in element;

export const isHealthyInstance = ({ status }: Instance): boolean =>
  status === "passing" || status === "warning";

export const isPassing = (element: Element): boolean => (element as Instance).status === "passing";

export const isEqual = (a: Element, b: Element | undefined): boolean =>
  a === b || isDeepStrictEqual(a, b);
