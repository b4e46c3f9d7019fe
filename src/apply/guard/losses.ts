import {
  changedIn,
  datacenterOf,
  type Group,
  groupOf,
  groupText,
  isHealthy,
  nodeOf,
  type Statuses,
  type View,
} from "./view.ts";

/** What is gone between two views. */
export interface Losses {
  readonly services: readonly ServiceLoss[];
  readonly lists: readonly ListLoss[];
}

/** The instances that one service lost in one datacenter. */
export interface ServiceLoss {
  readonly group: string;
  /** The keys of those that are gone. */
  readonly instances: readonly string[];
  /** How many are gone, less those that took their place: a deploy that replaces all loses none. */
  readonly count: number;
  /** It was healthy, and no instance is left that can be reached. */
  readonly isEmptied: boolean;
}

/** The entries that one list lost; single answers of one kind are one list. */
export interface ListLoss {
  readonly group: string;
  readonly entries: readonly string[];
  /** How many are gone, less those that took their place. */
  readonly count: number;
  readonly total: number;
  /** How many are in it now. */
  readonly left: number;
}

/**
 * What is gone between two views. Pure.
 *
 * An instance whose own checks fail is unhealthy, not gone. Gone is one that is not registered any more, or whose node
 * or agent is given up; but an instance on a node that is down, or on the one node that left, is no loss where its
 * service keeps a healthy instance.
 */
export function lossesBetween(before: View, after: View): Losses {
  const changed = changedIn(before.instances, after.instances);
  const leftNode = once(() => nodeThatLeft(before, after));
  const services = changed.flatMap((group): readonly ServiceLoss[] => {
    const [was, is] = [before.instances.get(group) ?? {}, after.instances.get(group) ?? {}];
    const loss = serviceLoss(was, is, leftNode);
    return loss === undefined ? [] : [{ group, ...loss }];
  });
  return { services, lists: lostLists(before, after) };
}

function serviceLoss(
  before: Statuses,
  after: Statuses,
  leftNode: () => string | undefined,
): Omit<ServiceLoss, "group"> | undefined {
  const isHealthyElsewhere = Object.values(after).some(isHealthy);
  const isExcused = (key: string): boolean =>
    isHealthyElsewhere && (Object.hasOwn(after, key) || nodeOf(key) === leftNode());
  const gone = Object.keys(before).filter((it) => isThere(before, it) && !isThere(after, it));
  const instances = gone.filter((it) => !isExcused(it));
  if (instances.length === 0) return undefined;
  const there = Object.keys(after).filter((it) => isThere(after, it));
  const won = there.filter((it) => !isThere(before, it)).length;
  const count = instances.length - won;
  if (count <= 0) return undefined;
  const isEmptied = there.length === 0 && Object.values(before).some(isHealthy);
  return { instances, count, isEmptied };
}

const isThere = (all: Statuses, key: string): boolean =>
  Object.hasOwn(all, key) && all[key] !== "unreachable";

/** The node of which nothing is left, where it is only one: several that leave at once are no daily event. */
function nodeThatLeft(before: View, after: View): string | undefined {
  const left = nodesIn(before);
  for (const node of nodesIn(after)) left.delete(node);
  const [node] = left;
  return left.size === 1 ? node : undefined;
}

/** The nodes on which instances are registered. */
function nodesIn(view: View): Set<string> {
  const nodes = new Set<string>();
  for (const statuses of view.instances.values()) {
    for (const key of Object.keys(statuses)) nodes.add(nodeOf(key));
  }
  return nodes;
}

/** A list that is not asked any more has lost nothing. */
function lostLists(before: View, after: View): readonly ListLoss[] {
  const singles = new Map<string, readonly string[]>();
  const lists: ListLoss[] = [];
  const services = once(() => new Set([...before.instances.keys()].map((it) => groupOf(it).name)));
  for (const group of changedIn(before.lists, after.lists)) {
    const { kind, datacenter } = groupOf(group);
    const [was, is] = [before.lists.get(group), after.lists.get(group)];
    if (was === undefined || is === undefined) continue;
    // A prepared query has healthy instances alone: that some are not in it any more is no loss.
    if (kind === "prepared" && is.size > 0) continue;
    const gone = [...was].filter((it) => !is.has(it));
    // Where the instances of a service are asked too, they are what is counted.
    const entries = kind === "services" ? gone.filter((it) => !services().has(it)) : gone;
    if (entries.length === 0) continue;
    if (isSingle(kind)) {
      const together = groupText({ kind, datacenter, name: "" });
      singles.set(together, [...(singles.get(together) ?? []), ...entries]);
    } else {
      const won = [...is].filter((it) => !was.has(it)).length;
      const count = Math.max(0, entries.length - won);
      lists.push({ group, entries, count, total: was.size, left: is.size });
    }
  }
  const together = [...singles].map(([group, entries]): ListLoss => {
    const count = entries.length;
    return { group, entries, count, ...singleCounts(group, before, after) };
  });
  return [...lists, ...together];
}

const isSingle = (kind: Group["kind"]): boolean => kind === "key" || kind === "node";

function singleCounts(group: string, before: View, after: View): Pick<ListLoss, "total" | "left"> {
  let [total, left] = [0, 0];
  for (const [text, entries] of after.lists) {
    if (!text.startsWith(group)) continue;
    total += before.lists.get(text)?.size ?? 0;
    left += entries.size;
  }
  return { total, left };
}

/** Two views of the catalog, or of one datacenter, and what was lost between them. */
export interface Scope {
  readonly before: View;
  readonly after: View;
  readonly losses: Losses;
  /** Unless it is all of the catalog. */
  readonly datacenter?: string;
}

/** The part of `all` that is of one datacenter. */
export function scopeIn({ before, after, losses }: Scope, datacenter: string): Scope {
  const isInside = (group: string): boolean => datacenterOf(group) === datacenter;
  return {
    before: viewIn(before, datacenter),
    after: viewIn(after, datacenter),
    losses: {
      services: losses.services.filter(({ group }) => isInside(group)),
      lists: losses.lists.filter(({ group }) => isInside(group)),
    },
    datacenter,
  };
}

/** The part of a view that is of one datacenter. */
export const viewIn = ({ instances, lists }: View, datacenter: string): View => ({
  instances: new Map([...instances].filter(([group]) => datacenterOf(group) === datacenter)),
  lists: new Map([...lists].filter(([group]) => datacenterOf(group) === datacenter)),
});

/** The datacenters of a view that can lose something by themselves: none where all is of one. */
export function datacentersOf({ instances, lists }: View): readonly string[] {
  const names = new Set([...instances.keys(), ...lists.keys()].map(datacenterOf));
  const isSeveral = names.size > 1 && (!names.has("") || names.size > 2 || instances.size === 0);
  return isSeveral ? [...names].filter((it) => it !== "").toSorted() : [];
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
