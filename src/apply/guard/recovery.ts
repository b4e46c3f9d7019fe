import { changedIn, totalOf, type View, type ViewStatus } from "./view.ts";

/**
 * Why a step looks as if Consul had lost what it knew and were told again: nothing is left that was registered before, a
 * service is registered anew, and not every service is back. `undefined` when it does not look so. Pure.
 */
export function resetReason(before: View, after: View): string | undefined {
  if (isAnyLeft(before, after) || isRecovered(before, after)) return undefined;
  const total = totalOf(before);
  // Without a service that is in both, it may be another question that was asked.
  if (total < 2 || ![...after.keys()].some((name) => before.has(name))) return undefined;
  return `all ${total} instances are gone or registered anew, and not every service is back`;
}

/**
 * Whether any instance is registered still as it was, and not anew. One of which a check had told, and now none has, is
 * not: what says so is older.
 */
export function isAnyLeft(before: View, after: View): boolean {
  for (const [name, instances] of before) {
    const now = after.get(name) ?? {};
    const isLeft = (it: string) =>
      Object.hasOwn(now, it) && (now[it] !== "unchecked" || instances[it] === "unchecked");
    if (Object.keys(instances).some(isLeft)) return true;
  }
  return false;
}

/** Whether each service that could be reached can be again, or is known to be sick. */
export const isRecovered = (before: View, after: View): boolean => isBack(before, after, THERE);

/** Whether each service that could be reached is registered again, be it that no check has told of it yet. */
export const isRegistered = (before: View, after: View): boolean =>
  isBack(before, after, REGISTERED);

/** Whether of a service that was well no more is known than that it is registered. */
export const isAwaitingChecks = (before: View, after: View): boolean =>
  changedIn(before, after).some((name) => {
    const wasWell = Object.values(before.get(name) ?? {}).some(isWell);
    return wasWell && bestOf(Object.values(after.get(name) ?? {})) === REGISTERED;
  });

const GONE = 0;
const REGISTERED = 1;
const THERE = 2;

/** @param least how much is to be known of a service that was well; of one that was not, that it is registered */
function isBack(before: View, after: View, least: number): boolean {
  return changedIn(before, after).every((name) => {
    const then = Object.values(before.get(name) ?? {});
    const wanted = then.some(isWell) ? least : Math.min(bestOf(then), REGISTERED);
    return bestOf(Object.values(after.get(name) ?? {})) >= wanted;
  });
}

const isWell = (status: ViewStatus): boolean => status === "passing" || status === "warning";

const bestOf = (statuses: readonly ViewStatus[]): number =>
  Math.max(GONE, ...statuses.map(knownOf));

/** How much is known of an instance: what its checks say, only that it is registered, or nothing. */
function knownOf(status: ViewStatus): number {
  if (status === "unreachable") return GONE;
  return status === "unchecked" ? REGISTERED : THERE;
}
