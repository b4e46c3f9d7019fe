import type { InstanceStatus } from "../../catalog/instance.ts";

/**
 * How an instance is seen. `unreachable` is critical by a check of its node or agent, not of its own; `unchecked` is
 * critical because no check has reported since it was registered.
 */
export type ViewStatus = InstanceStatus | "unreachable" | "unchecked";

/**
 * The status of each instance of one service in one datacenter, by the instance's node, its id and, where an agent
 * registered it, when. An instance that is registered again is another one, also where a Consul that lost its data
 * counts from 1 again: an agent that lost its data has another id.
 */
export type Statuses = Readonly<Record<string, ViewStatus>>;

/** The entries of one list, or of all single answers of one kind. */
export type Entries = ReadonlySet<string>;

/** What a render saw of the catalog, as far as it can be lost. Both maps are keyed by {@link groupText}. */
export interface View {
  /** The registered instances of each service. */
  readonly instances: ReadonlyMap<string, Statuses>;
  /** The entries of everything else that was asked. An empty list was asked too; a missing one was not. */
  readonly lists: ReadonlyMap<string, Entries>;
}

export const EMPTY_VIEW: View = { instances: new Map(), lists: new Map() };

/** What is counted together. `name` is a service, a prefix of keys, a prepared query or a filter of nodes. */
export interface Group {
  readonly kind:
    | "service"
    | "connect"
    | "prepared"
    | "services"
    | "nodes"
    | "node"
    | "tree"
    | "key";
  /** Empty for the agent's own, where the answer does not name it. */
  readonly datacenter: string;
  readonly name: string;
}

/** The text of a group. It begins with the datacenter, which has no slash. */
export const groupText = ({ datacenter, kind, name }: Group): string =>
  `${datacenter}/${kind}/${name}`;

export function groupOf(text: string): Group {
  const [datacenter = "", kind = "", ...name] = text.split("/");
  return { datacenter, kind: kind as Group["kind"], name: name.join("/") };
}

/** The datacenter in the text of a group. */
export const datacenterOf = (group: string): string => group.slice(0, group.indexOf("/"));

/** The key of an instance in {@link Statuses}. */
export const instanceKey = (node: string, id: string, when: string): string =>
  `${node}\t${id}${when === "" ? "" : `\t${when}`}`;

/** The node in an instance's key. */
export const nodeOf = (key: string): string => key.slice(0, key.indexOf("\t"));

/** The groups of `a` that differ in `b`, or are not in it. What did not change is the same object in both. */
export function changedIn<T>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
): readonly string[] {
  const changed: string[] = [];
  // Of thousands of services few change: for…of would make a pair for each.
  a.forEach((seen, group) => {
    if (b.get(group) !== seen) changed.push(group);
  });
  return changed;
}

/** What a generation is made from, as far as it is kept. */
export interface Origin {
  readonly view: View;
  /** When the catalog said so, in milliseconds since 1970; 0 where it is not the catalog that was asked for. */
  readonly catalogAtMs: number;
}

/** How many instances of a service are registered. */
export const countOf = (instances: Statuses | undefined): number =>
  Object.keys(instances ?? {}).length;

/** How many instances are registered of all services. */
export function countAll({ instances }: View): number {
  let count = 0;
  instances.forEach((statuses) => {
    count += countOf(statuses);
  });
  return count;
}

/** How many instances of a service pass their checks. */
export const healthyOf = (instances: Statuses | undefined): number =>
  Object.values(instances ?? {}).filter((status) => status === "passing").length;

/** Whether a service with this instance can be reached. */
export const isHealthy = (status: ViewStatus | undefined): boolean =>
  status === "passing" || status === "warning";

/** Consul's own servers: they are there also where Consul has lost everything else. */
export const isConsulItself = (group: string): boolean => group.endsWith("/service/consul");
