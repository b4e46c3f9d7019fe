import type { CatalogNode, Instance, KeyValue, ServiceSummary } from "../../catalog/instance.ts";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import {
  type Entries,
  type Group,
  groupText,
  instanceKey,
  type Statuses,
  type View,
  type ViewStatus,
} from "./view.ts";

/**
 * The view behind a set of asked queries. A query without an answer is not in it: what is not known is not lost.
 *
 * @param otherwise what a render uses where the snapshot has no answer
 */
export function viewOf(
  snapshot: Pick<Snapshot, "get">,
  asked: ReadonlyMap<string, Query>,
  otherwise?: Pick<Snapshot, "get">,
): View {
  const instances = new Map<string, Statuses>();
  const lists = new Map<string, Entries>();
  for (const query of asked.values()) {
    const own: AnswerValue | undefined = snapshot.get<Query>(query);
    const answer = own === undefined ? otherwise?.get<Query>(query) : own;
    if (answer === undefined) continue;
    if (query.kind === "service" || query.kind === "connect") {
      for (const [group, statuses] of statusesOf(query, answer as readonly Instance[])) {
        const seen = instances.get(group);
        instances.set(group, seen === undefined ? statuses : { ...seen, ...statuses });
      }
    } else addEntries(lists, query, answer);
  }
  return { instances, lists };
}

/** Answers never change: one that is asked again in the next snapshot is not counted again. By the kind of its query. */
const known = new Map<Query["kind"], WeakMap<object, ReadonlyMap<string, Statuses> | Entries>>();

function memoized<T extends ReadonlyMap<string, Statuses> | Entries>(
  kind: Query["kind"],
  answer: object,
  make: () => T,
): T {
  const ofKind = known.get(kind) ?? new WeakMap();
  known.set(kind, ofKind);
  const result = (ofKind.get(answer) as T | undefined) ?? make();
  ofKind.set(answer, result);
  return result;
}

/** The statuses of one answer by service and datacenter. */
function statusesOf(
  { kind, name }: Extract<Query, { readonly kind: "service" | "connect" }>,
  answer: readonly Instance[],
): ReadonlyMap<string, Statuses> {
  return memoized(kind, answer, () => {
    const groups = new Map<string, Record<string, ViewStatus>>();
    for (const instance of answer) {
      const group = groupText({ kind, name, datacenter: instance.datacenter });
      const statuses = groups.get(group) ?? {};
      statuses[keyOf(instance)] = statusOf(instance);
      groups.set(group, statuses);
    }
    return groups;
  });
}

function keyOf({ node, id, nodeId, createIndex }: Instance): string {
  // What no agent registered, such as a catalog file's, has no history: there the index is the place in a list.
  return instanceKey(node, id, nodeId === undefined ? "" : `${createIndex}/${nodeId.slice(0, 8)}`);
}

function statusOf({ status, isNodeCritical, isUnchecked }: Instance): ViewStatus {
  if (status !== "critical") return status;
  if (isNodeCritical === true) return "unreachable";
  return isUnchecked === true ? "unchecked" : status;
}

function addEntries(lists: Map<string, Entries>, query: Query, answer: AnswerValue): void {
  const list = listOf(query, answer);
  // What is left is never empty while Consul answers, or does not come from Consul.
  if (list === undefined) return;
  const datacenter = ("datacenter" in query ? query.datacenter : undefined) ?? "";
  const group = groupText({ kind: query.kind as Group["kind"], datacenter, name: list.name });
  const make = (): Entries => new Set(list.entries());
  lists.set(group, answer === null ? NONE : memoized(query.kind, answer as object, make));
}

const NONE: Entries = new Set();

function listOf(
  query: Query,
  answer: AnswerValue,
): { readonly name: string; entries(): readonly string[] } | undefined {
  switch (query.kind) {
    case "services":
      return { name: "", entries: () => namesOf(answer as readonly ServiceSummary[]) };
    case "nodes":
      return { name: query.filter ?? "", entries: () => namesOf(answer as readonly CatalogNode[]) };
    case "tree":
      return {
        name: query.prefix,
        entries: () => (answer as readonly KeyValue[]).map(({ key }) => key),
      };
    case "prepared":
      return {
        name: query.prepared,
        entries: () =>
          (answer as readonly Instance[]).map(({ node, id }) => instanceKey(node, id, "")),
      };
    case "key":
      return { name: query.key, entries: () => [query.key] };
    case "node":
      return { name: query.node ?? "", entries: () => [query.node ?? ""] };
    case "service":
    case "connect":
    case "datacenters":
    case "caRoots":
    case "caLeaf":
    case "file":
    case "interfaces":
      return undefined;
  }
}

const namesOf = (list: readonly { readonly name: string }[]): readonly string[] =>
  list.map(({ name }) => name);
