import type { Instance, InstanceStatus } from "../../catalog/instance.ts";
import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";

/**
 * How an instance is seen. `unreachable` is critical by a check of its node or agent, not of its own; `unchecked` is
 * critical as no check has told anything of it since it was registered.
 */
export type ViewStatus = InstanceStatus | "unreachable" | "unchecked";

/**
 * Instances of one service: the status of each by its node, its id and, where an agent registered it, when. One that is
 * registered anew is another, also where a Consul that lost everything counts from 1 again: an agent that kept nothing has
 * another id.
 */
export type Statuses = Readonly<Record<string, ViewStatus>>;

/** The registered instances that a render saw, by service. */
export type View = ReadonlyMap<string, Statuses>;

/** The view behind a set of asked queries. */
export function viewOf(snapshot: Snapshot, asked: ReadonlyMap<string, Query>): View {
  const view = new Map<string, Statuses>();
  for (const query of asked.values()) {
    if (query.kind !== "service") continue;
    const instances = snapshot.get(query) ?? [];
    if (instances.length === 0) continue;
    const seen = view.get(query.name);
    const more = statusesOf(instances);
    view.set(query.name, seen === undefined ? more : { ...seen, ...more });
  }
  return view;
}

/** Answers never change: one that is asked again in the next snapshot is not counted again. */
const statuses = new WeakMap<readonly Instance[], Statuses>();

function statusesOf(instances: readonly Instance[]): Statuses {
  const known = statuses.get(instances);
  if (known !== undefined) return known;
  const result = Object.fromEntries(
    instances.map((it): [string, ViewStatus] => [keyOf(it), statusOf(it)]),
  );
  statuses.set(instances, result);
  return result;
}

function keyOf({ node, id, nodeId, createIndex }: Instance): string {
  // What no agent registered, such as a catalog file's, has no history: there the index is the place in a list.
  const when = nodeId === undefined ? "" : `/${createIndex}/${nodeId.slice(0, 8)}`;
  return `${node}/${id}${when}`;
}

function statusOf({ status, isNodeCritical, isUnchecked }: Instance): ViewStatus {
  if (status !== "critical") return status;
  if (isNodeCritical === true) return "unreachable";
  return isUnchecked === true ? "unchecked" : status;
}

/** The services of `a` that are seen otherwise in `b`, or not at all. What did not change is the same object in both. */
export function changedIn(a: View, b: View): readonly string[] {
  const changed: string[] = [];
  // Of thousands of services few are: with for…of each would cost a pair.
  a.forEach((instances, name) => {
    if (b.get(name) !== instances) changed.push(name);
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
export const totalOf = (view: View): number =>
  [...view.values()].reduce((sum, instances) => sum + countOf(instances), 0);

/** How many instances of a service pass their checks. */
export const healthyOf = (instances: Statuses | undefined): number =>
  Object.values(instances ?? {}).filter((status) => status === "passing").length;
