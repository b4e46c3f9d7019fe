import type { Loss } from "./loss-words.ts";
import * as words from "./loss-words.ts";
import {
  datacentersOf,
  type ListLoss,
  lossesBetween,
  type Scope,
  type ServiceLoss,
  scopeIn,
} from "./losses.ts";
import {
  changedIn,
  countAll,
  countOf,
  groupOf,
  healthyOf,
  isConsulItself,
  type View,
} from "./view.ts";

/** From when on a change is suspicious. */
export interface GuardRules {
  /** Share of instances, services or entries that may be gone in one step. */
  readonly maxDropPercent: number;
  /** Least passing instances by service; `*` is for those that are not named. */
  readonly minInstances: Readonly<Record<string, number>>;
}

/** From this size on a share of instances or entries says something. */
const LEAST_COUNT = 10;
/** So many services that are gone at once, or entries of a list that is emptied, are no daily event. */
const LEAST_GONE = 3;

/**
 * Why a step from one view to the next looks like a fault of the catalog, or `undefined` when it does not. Pure.
 *
 * What counts as gone is said at {@link lossesBetween}. Suspicious is, in all of the catalog and in each datacenter:
 * - all instances are gone at once, or everything of all kinds, when that is more than one;
 * - more than `maxDropPercent` of at least 10 instances, across at least 3 services;
 * - at least 3 services are emptied, with at least 10 instances or more than `maxDropPercent` of all services. Neither
 *   depends on how many instances the other services have;
 * - a list of at least 3 entries is emptied, or one of at least 10 loses more than `maxDropPercent` of them. A prepared
 *   query's list has healthy instances alone, and is counted with everything only;
 * - a service falls below the `minInstances` that it was asked to keep.
 * A single key that is deleted is daily life.
 */
export function suspicion(before: View, after: View, rules: GuardRules): Loss | undefined {
  const losses = lossesBetween(before, after);
  const isAnyLost = losses.services.length > 0 || losses.lists.length > 0;
  const found = isAnyLost ? suspiciousLoss({ before, after, losses }, rules) : undefined;
  return found ?? shortage(before, after, rules);
}

/** A single datacenter is named where only that one is suspicious. */
function suspiciousLoss(all: Scope, rules: GuardRules): Loss | undefined {
  const everything = allGone(all);
  if (everything !== undefined) return everything;
  const found = datacentersOf(all.before).flatMap((datacenter) => {
    const loss = lossWithin(scopeIn(all, datacenter), rules);
    return loss === undefined ? [] : [loss];
  });
  const [first] = found;
  return found.length === 1 ? first : (lossWithin(all, rules) ?? first);
}

const lossWithin = (scope: Scope, rules: GuardRules): Loss | undefined =>
  allGone(scope) ??
  largeShare(scope, rules) ??
  emptiedServices(scope, rules) ??
  lostList(scope, rules);

function allGone(scope: Scope): Loss | undefined {
  const { before, after, losses } = scope;
  if (countRegistered(after) > 0) return undefined;
  const instances = losses.services.length > 0 ? countRegistered(before) : 0;
  const isEverything = countEntries(after, after, after) === 0;
  const entries = isEverything ? countEntries(before, after, before) : 0;
  if (instances < 2 && !(isEverything && instances + entries > 1)) return undefined;
  return words.allGone(scope, { instances, entries });
}

function largeShare(scope: Scope, { maxDropPercent }: GuardRules): Loss | undefined {
  const { services } = scope.losses;
  const total = countAll(scope.before);
  const lost = sum(services);
  const isMuch = lost * 100 > total * maxDropPercent;
  if (total < LEAST_COUNT || namesOf(services).size < LEAST_GONE || !isMuch) return undefined;
  return words.manyGone(scope, services, { lost, total });
}

function emptiedServices(scope: Scope, { maxDropPercent }: GuardRules): Loss | undefined {
  const emptied = scope.losses.services.filter(
    ({ group, isEmptied }) => isEmptied && !isConsulItself(group),
  );
  const lost = namesOf(emptied).size;
  const total = new Set([...scope.before.instances.keys()].map((it) => groupOf(it).name)).size;
  const isMuch = lost * 100 > total * maxDropPercent;
  if (lost < LEAST_GONE || maxDropPercent === 100) return undefined;
  if (!isMuch && sum(emptied) < LEAST_COUNT) return undefined;
  return words.servicesGone(scope, emptied);
}

function lostList(scope: Scope, { maxDropPercent }: GuardRules): Loss | undefined {
  const isLarge = ({ group, count, entries, total, left }: ListLoss): boolean => {
    const { kind } = groupOf(group);
    if (kind === "prepared") return false;
    // Consul always knows its own server and its own service.
    const isEmptied = left <= (kind === "nodes" || kind === "services" ? 1 : 0);
    if (isEmptied && entries.length >= LEAST_GONE) return true;
    return total >= LEAST_COUNT && count * 100 > total * maxDropPercent;
  };
  const found = scope.losses.lists.find(isLarge);
  return found === undefined ? undefined : words.entriesGone(scope, found);
}

function shortage(
  before: View,
  after: View,
  { minInstances }: Pick<GuardRules, "minInstances">,
): Loss | undefined {
  if (Object.keys(minInstances).length === 0) return undefined;
  const groups = changedIn(before.instances, after.instances).map(groupOf);
  const names = new Set(groups.flatMap(({ kind, name }) => (kind === "service" ? [name] : [])));
  if (names.size === 0) return undefined;
  const [passingBefore, passing] = [passingByService(before), passingByService(after)];
  for (const name of [...names].toSorted()) {
    const least = minInstances[name] ?? minInstances["*"] ?? 0;
    const [was, is] = [passingBefore.get(name) ?? 0, passing.get(name) ?? 0];
    if (was >= least && is < least) return words.tooFew(name, { is, least });
  }
  return undefined;
}

/** How many instances of each service pass their checks, in all datacenters. */
function passingByService({ instances }: View): ReadonlyMap<string, number> {
  const passing = new Map<string, number>();
  for (const [group, statuses] of instances) {
    const { kind, name } = groupOf(group);
    if (kind === "service") passing.set(name, (passing.get(name) ?? 0) + healthyOf(statuses));
  }
  return passing;
}

/** How many instances are registered, without Consul's own: those are there also in an empty Consul. */
function countRegistered({ instances }: View): number {
  let count = 0;
  for (const [group, statuses] of instances) if (!isConsulItself(group)) count += countOf(statuses);
  return count;
}

/**
 * How many entries the lists of a view have, without what an empty Consul has as well, and without the services of which
 * the instances are counted.
 *
 * @param asked  has the lists that are asked
 * @param counted has the instances that are counted
 */
function countEntries({ lists }: View, asked: View, counted: View): number {
  const entries = new Set<string>();
  const services = new Set([...counted.instances.keys()].map((it) => groupOf(it).name));
  for (const [group, list] of lists) {
    const { kind, datacenter } = groupOf(group);
    if (kind === "nodes" || kind === "node" || !asked.lists.has(group)) continue;
    for (const entry of list) {
      const isOwn = kind === "services" && (entry === "consul" || services.has(entry));
      // A key counts once, however many queries ask for it.
      if (!isOwn) entries.add(`${datacenter}/${kind === "tree" ? "key" : kind}/${entry}`);
    }
  }
  return entries.size;
}

const sum = (losses: readonly ServiceLoss[]): number =>
  losses.reduce((all, { count }) => all + count, 0);

const namesOf = (losses: readonly ServiceLoss[]): ReadonlySet<string> =>
  new Set(losses.map(({ group }) => groupOf(group).name));
