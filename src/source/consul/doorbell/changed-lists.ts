import type { CatalogNode, ServiceSummary } from "../../../catalog/instance.ts";

/** Names that are in one list only, or whose tags differ. Both lists are sorted by name. */
export function changedSummaries(
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
export function changedNodes(
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
