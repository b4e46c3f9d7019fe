import { dataLost, entryName, type Loss } from "./loss-words.ts";
import { datacentersOf, lossesBetween, viewIn } from "./losses.ts";
import { changedIn, countAll, groupOf, isHealthy, type View, type ViewStatus } from "./view.ts";

/**
 * Why a step looks as if Consul had lost its data and the agents registered again, or `undefined` when it does not look so.
 * Pure.
 *
 * Then nothing is left that was registered before, in all of the catalog or in one datacenter, and a service is registered
 * again. As long as that is so, a single key, or a single service that is not back is suspicious.
 */
export function resetReason(before: View, after: View): Loss | undefined {
  const whole = resetWithin(before, after);
  if (whole !== undefined) return whole;
  for (const datacenter of datacentersOf(before)) {
    const found = resetWithin(viewIn(before, datacenter), viewIn(after, datacenter), datacenter);
    if (found !== undefined) return found;
  }
  return undefined;
}

function resetWithin(before: View, after: View, datacenter?: string): Loss | undefined {
  if (countAll(before) === 0 || isAnyLeft(before, after)) return undefined;
  // Without a service that is in both, it may be another question that was asked.
  if (![...after.instances.keys()].some((group) => before.instances.has(group))) return undefined;
  const entries = missingEntries(before, after);
  const missing = [...missingServices(before, after, THERE), ...entries];
  if (missing.length === 0 || countAll(before) + entries.length < 2) return undefined;
  return dataLost(before, { missing, ...(datacenter === undefined ? {} : { datacenter }) });
}

/**
 * Whether any instance is registered still as it was, and not again. One whose checks had reported, and now none has, is
 * not: what shows it is older.
 */
export function isAnyLeft(before: View, after: View): boolean {
  for (const [group, instances] of before.instances) {
    const now = after.instances.get(group) ?? {};
    const isLeft = (it: string) =>
      Object.hasOwn(now, it) && (now[it] !== "unchecked" || instances[it] === "unchecked");
    if (Object.keys(instances).some(isLeft)) return true;
  }
  return false;
}

/** Whether each service that was reachable is so again, or is known to be unhealthy, and each entry is there again. */
export const isRecovered = (before: View, after: View): boolean =>
  missingServices(before, after, THERE).length === 0 && entriesAreBack(before, after);

/** Whether everything is registered again, even if no check has reported yet. */
export const isRegistered = (before: View, after: View): boolean =>
  missingServices(before, after, REGISTERED).length === 0 && entriesAreBack(before, after);

/** Whether of a service that was healthy no more is known than that it is registered. */
export const isAwaitingChecks = (before: View, after: View): boolean =>
  changedIn(before.instances, after.instances).some((group) => {
    const wasHealthy = Object.values(before.instances.get(group) ?? {}).some(isHealthy);
    return wasHealthy && bestOf(statusesIn(after, group)) === REGISTERED;
  });

const GONE = 0;
const REGISTERED = 1;
const THERE = 2;

/** @param least how much must be known of a service that was healthy; one that was not must be registered */
function missingServices(before: View, after: View, least: number): readonly string[] {
  const missing = changedIn(before.instances, after.instances).filter((group) => {
    const then = statusesIn(before, group);
    const wanted = then.some(isHealthy) ? least : Math.min(bestOf(then), REGISTERED);
    return bestOf(statusesIn(after, group)) < wanted;
  });
  return missing.map((group) => entryName(group));
}

const entriesAreBack = (before: View, after: View): boolean =>
  lossesBetween(before, after).lists.length === 0;

/** The entries that a Consul without its data lacks: nodes come and go with their instances, and keys that replace others do. */
function missingEntries(before: View, after: View): readonly string[] {
  const lists = lossesBetween(before, after).lists.filter(
    ({ group, count }) => count > 0 && !groupOf(group).kind.startsWith("node"),
  );
  return lists.flatMap(({ group, entries }) => entries.map((entry) => entryName(group, entry)));
}

const statusesIn = ({ instances }: View, group: string): readonly ViewStatus[] =>
  Object.values(instances.get(group) ?? {});

const bestOf = (statuses: readonly ViewStatus[]): number =>
  Math.max(GONE, ...statuses.map(knownOf));

/** How much is known of an instance: what its checks report, only that it is registered, or nothing. */
function knownOf(status: ViewStatus): number {
  if (status === "unreachable") return GONE;
  return status === "unchecked" ? REGISTERED : THERE;
}
