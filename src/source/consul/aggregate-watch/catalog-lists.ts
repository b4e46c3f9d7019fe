import { isDeepStrictEqual } from "node:util";
import type { CatalogNode, Instance, ServiceSummary } from "../../../catalog/instance.ts";
import type { AnswerValue } from "../../../catalog/query.ts";
import type { FollowedAnswer } from "../blocking-query.ts";
import type { CoveredQuery, TrackedService } from "./tracked-services.ts";

/** The latest lists of services and of nodes. Both are watched, and name some of what changed. */
export interface CatalogLists {
  /** Takes the list of services. @returns the names of those that changed; nothing while it cannot be compared */
  takeServices(answer: FollowedAnswer<readonly ServiceSummary[]>): readonly string[] | undefined;
  /**
   * Takes the list of nodes. @returns the services on nodes that changed, and those that are behind the list; nothing
   * while it cannot be compared
   */
  takeNodes(answer: FollowedAnswer<readonly CatalogNode[]>): readonly TrackedService[] | undefined;
  /** Whether the list of nodes is newer than a service's answer, and differs from it about its nodes. */
  isBehind(entry: TrackedService): boolean;
  /** The last answer to a query for either list; nothing before there is one. */
  last(query: CoveredQuery): AnswerValue | undefined;
  /** The names of all known nodes. */
  nodeNames(): readonly string[];
  /** Consul's index of the list of services. */
  servicesIndex(): bigint;
}

export function createCatalogLists(tracked: ReadonlyMap<string, TrackedService>): CatalogLists {
  let services: FollowedAnswer<readonly ServiceSummary[]> | undefined;
  let nodes: FollowedAnswer<readonly CatalogNode[]> | undefined;
  let nodesByName: ReadonlyMap<string, CatalogNode> = new Map();

  return {
    takeServices(answer) {
      const before = services;
      services = answer;
      if (answer.startsOver || before === undefined) return undefined;
      return changedSummaries(before.value, answer.value);
    },
    takeNodes(answer) {
      const before = nodes;
      nodes = answer;
      nodesByName = new Map(answer.value.map((node) => [node.name, node]));
      if (answer.startsOver || before === undefined) return undefined;
      const changed = changedNodes(before.value, answer.value);
      return [...tracked.values()].filter(
        (entry) => entry.instances.some(({ node }) => changed.has(node)) || isBehind(entry),
      );
    },
    isBehind,
    last({ kind }) {
      if (kind === "service") return undefined;
      return (kind === "services" ? services : nodes)?.value;
    },
    nodeNames: () => (nodes?.value ?? []).map(({ name }) => name),
    servicesIndex: () => services?.index ?? 0n,
  };

  function isBehind({ index, instances }: TrackedService): boolean {
    if (index === undefined || nodes === undefined || index > nodes.index) return false;
    return instances.some((instance) => !isOn(instance, nodesByName.get(instance.node)));
  }
}

/** Whether an instance has the address and meta of its node that the list has, if the node is in the list. */
const isOn = ({ nodeAddress, nodeMeta }: Instance, node: CatalogNode | undefined): boolean =>
  node === undefined || (nodeAddress === node.address && isDeepStrictEqual(nodeMeta, node.meta));

/** Names that are in one list only, or whose tags differ. Both lists are sorted by name. */
function changedSummaries(
  before: readonly ServiceSummary[],
  after: readonly ServiceSummary[],
): readonly string[] {
  const then = new Map(before.map(({ name, tags }) => [name, tags.join("\n")]));
  const changed: string[] = [];
  for (const { name, tags } of after) {
    if (then.get(name) !== tags.join("\n")) changed.push(name);
    then.delete(name);
  }
  return [...changed, ...then.keys()];
}

/** Names of nodes that are in one list only, or whose address or meta differs. */
function changedNodes(
  before: readonly CatalogNode[],
  after: readonly CatalogNode[],
): ReadonlySet<string> {
  const then = new Map(before.map((node) => [node.name, JSON.stringify(node)]));
  const changed = new Set<string>();
  for (const node of after) {
    if (then.get(node.name) !== JSON.stringify(node)) changed.add(node.name);
    then.delete(node.name);
  }
  return new Set([...changed, ...then.keys()]);
}
