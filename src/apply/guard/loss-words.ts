import type { ListLoss, Scope, ServiceLoss } from "./losses.ts";
import { countAll, type Group, groupOf, nodeOf, type View } from "./view.ts";

/** A loss that looks like a fault of the catalog rather than of what is registered there. */
export interface Loss {
  /** What kind of loss it is, and of what: while a hold lasts each is logged once. */
  readonly subject: string;
  readonly reason: string;
  /** Where the operator can find out whether it is true. */
  readonly hint: string;
}

/** So many names are written out. */
const MOST_NAMES = 5;

export function allGone(
  { datacenter, losses: { lists } }: Scope,
  { instances, entries }: { readonly instances: number; readonly entries: number },
): Loss {
  const kinds = new Set(lists.map(({ group }) => nounOf(groupOf(group).kind)));
  const [noun = "entry"] = kinds.size === 1 ? kinds : [];
  const parts = [counted(instances, "instance"), counted(entries, noun)];
  const what = parts.filter((it) => !it.startsWith("0 ")).join(" and ");
  const where = datacenter === undefined ? "" : ` of datacenter ${datacenter}`;
  return {
    subject: `all${where}`,
    reason: `all ${what}${where} vanished at once`,
    hint: lostDataHint(datacenter),
  };
}

/** Many instances are gone; the node is named where it is the cause. */
export function manyGone(
  scope: Scope,
  services: readonly ServiceLoss[],
  { lost, total }: { readonly lost: number; readonly total: number },
): Loss {
  const where = scope.datacenter === undefined ? "" : ` of datacenter ${scope.datacenter}`;
  const names = namesOf(services);
  return (
    nodeGone(scope, services) ?? {
      subject: `share${where}`,
      reason: `${lost} of ${total} instances of ${names.length} services${where} are gone at once: ${listed(names)}`,
      hint: "See whether these services were deregistered on purpose, or Consul has lost data",
    }
  );
}

/** Whole services are gone. */
export function servicesGone(scope: Scope, services: readonly ServiceLoss[]): Loss {
  const where = scope.datacenter === undefined ? "" : ` of datacenter ${scope.datacenter}`;
  const names = namesOf(services);
  const lost = services.reduce((all, { count }) => all + count, 0);
  return (
    nodeGone(scope, services) ?? {
      subject: `services${where}`,
      reason: `${names.length} services${where} are gone at once, with all ${lost} instances: ${listed(names)}`,
      hint: "See whether these services were deregistered on purpose",
    }
  );
}

export function entriesGone({ datacenter }: Scope, loss: ListLoss): Loss {
  const { group, entries, count, total, left } = loss;
  const { kind, name, datacenter: own } = groupOf(group);
  const at = datacenter ?? own;
  const where = at === "" ? "" : ` of datacenter ${at}`;
  const below = kind === "tree" && name !== "" ? ` below "${name}"` : "";
  const amount = left === 0 ? `all ${total}` : `${count} of ${total}`;
  const noun = plural(nounOf(kind));
  return {
    subject: `list ${group}`,
    reason: `${amount} ${noun}${below}${where} are gone at once: ${listed(entries)}`,
    hint: `See whether these ${noun} were ${kind === "tree" || kind === "key" ? "deleted" : "removed"} on purpose`,
  };
}

export const tooFew = (
  service: string,
  { is, least }: { readonly is: number; readonly least: number },
): Loss => ({
  subject: `minimum ${service}`,
  reason: `service "${service}" would have ${is} passing instances, and guard.minInstances asks for ${least}`,
  hint: `See why instances of "${service}" fail or are gone`,
});

/** What was registered is gone or registered again, and not all is back. */
export function dataLost(
  before: View,
  { missing, datacenter }: { readonly missing: readonly string[]; readonly datacenter?: string },
): Loss {
  const where = datacenter === undefined ? "" : ` of datacenter ${datacenter}`;
  return {
    subject: `reset${where}`,
    reason: `all ${counted(countAll(before), "instance")}${where} are gone or registered again, and not all is back: ${listed(missing)}`,
    hint: lostDataHint(datacenter),
  };
}

/** An entry of a group as a person names it, such as `service "web"`. */
export function entryName(group: string, entry = groupOf(group).name): string {
  return `${nounOf(groupOf(group).kind)} "${entry}"`;
}

/** Where all lost instances ran on nodes that are down, or on one that left. */
function nodeGone({ before, after }: Scope, services: readonly ServiceLoss[]): Loss | undefined {
  const nodes = [...new Set(services.flatMap(({ instances }) => instances.map(nodeOf)))].toSorted();
  const isDown = services.every(({ group, instances }) =>
    instances.every((it) => Object.hasOwn(after.instances.get(group) ?? {}, it)),
  );
  const isLeft = nodes.length === 1 && countOn(after, nodes) === 0 && countAll(after) > 0;
  if (!isDown && !isLeft) return undefined;
  const [name, verb] = nodes.length === 1 ? ["node", "is"] : ["nodes", "are"];
  const what = `${name} ${listed(nodes)}`;
  return {
    subject: `node ${nodes.join()}`,
    reason: `${what} ${verb} ${isDown ? "down" : "gone"}: ${countOn(before, nodes)} of ${countAll(before)} instances ran there`,
    hint: isDown ? `See whether ${what} can reach Consul` : `See whether ${what} left on purpose`,
  };
}

function countOn({ instances }: View, nodes: readonly string[]): number {
  let count = 0;
  for (const statuses of instances.values()) {
    for (const key of Object.keys(statuses)) if (nodes.includes(nodeOf(key))) count += 1;
  }
  return count;
}

const lostDataHint = (datacenter: string | undefined): string =>
  `See whether Consul${datacenter === undefined ? "" : ` in datacenter ${datacenter}`} has lost its data, such as by a restart`;

const namesOf = (losses: readonly ServiceLoss[]): readonly string[] =>
  [...new Set(losses.map(({ group }) => groupOf(group).name))].toSorted();

function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function nounOf(kind: Group["kind"]): string {
  if (kind === "tree" || kind === "key") return "key";
  if (kind === "nodes" || kind === "node") return "node";
  return kind === "prepared" ? "instance" : "service";
}

const plural = (noun: string): string => (noun === "entry" ? "entries" : `${noun}s`);

const counted = (count: number, noun: string): string =>
  `${count} ${count === 1 ? noun : plural(noun)}`;
