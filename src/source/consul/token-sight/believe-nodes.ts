import type { CatalogNode } from "../../../catalog/instance.ts";
import type { AnswerValue, Query } from "../../../catalog/query.ts";
import { mapConcurrently } from "../aggregate-watch/map-concurrently.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import type { Believed } from "./believed.ts";
import type { Judgement } from "./judgement.ts";
import { isEmpty, withLost } from "./lost-parts.ts";
import { isNodeHidden } from "./presence.ts";
import * as unseen from "./unseen.ts";

export async function believeNodes(
  query: Query & { readonly kind: "nodes" },
  { value }: IndexedAnswer<AnswerValue>,
  { before, ask }: Judgement,
): Promise<Believed> {
  const { filter, datacenter } = query;
  const after = value as readonly CatalogNode[];
  if (after.length === 0) {
    const at = datacenter === undefined ? {} : { datacenter };
    const all = filter === undefined ? value : (await ask({ kind: "nodes", ...at })).value;
    if (isEmpty(all)) throw unseen.seesNoNode(where(query));
  }
  const then = (before?.value ?? []) as readonly CatalogNode[];
  const names = new Set(after.map(({ name }) => name));
  const hidden = new Set<CatalogNode>();
  const lost = then.filter(({ name }) => !names.has(name));
  await mapConcurrently(lost, async (node) => {
    if (await isNodeHidden(node.name, { datacenter, ask })) hidden.add(node);
  });
  if (hidden.size === 0) return { value };
  const kept = then.filter((node) => names.has(node.name) || hidden.has(node));
  const hiddenNames = [...hidden].map(({ name }) => name);
  return {
    value: withLost(query, kept, after),
    doubt: unseen.seesFewerNodes(hiddenNames.toSorted(), then.length),
  };
}

export async function believeNode(
  query: Query & { readonly kind: "node" },
  { value }: IndexedAnswer<AnswerValue>,
  { before, ask }: Judgement,
): Promise<Believed> {
  const { node, datacenter } = query;
  const wasGone = before !== undefined && before.value === null;
  if (value !== null || wasGone) return { value };
  if (node === undefined) throw unseen.seesNoNode(where(query)); // the agent's own is always there
  if (await isNodeHidden(node, { datacenter, ask })) throw unseen.seesNoNode(where(query));
  return { value };
}

const where = ({ datacenter }: { readonly datacenter?: string }): string =>
  datacenter === undefined ? "" : ` in ${datacenter}`;
