import { isDeepStrictEqual } from "node:util";
import { stringify } from "yaml";
import type { CaLeaf } from "../../catalog/certificates.ts";
import type { Instance } from "../../catalog/instance.ts";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import { parseCatalog } from "./catalog-file.ts";
import { answerFrom } from "./file-source.ts";

/** A query and the answer of the source. */
export interface RecordedAnswer {
  readonly query: Query;
  readonly value: AnswerValue;
}

/**
 * The text of a catalog file that answers each of these queries with exactly that value.
 *
 * Services, nodes and keys are where a person would write them. Answers that these sections would not give, such as
 * a list in order of nearness or one that only Consul can evaluate, are under `answers`.
 */
export function recordCatalog(recorded: readonly RecordedAnswer[]): string {
  const sorted = recorded.toSorted((a, b) => compare(queryText(a.query), queryText(b.query)));
  const sections = {
    services: servicesOf(sorted),
    nodes: sorted.flatMap(({ query, value }) => (query.kind === "nodes" ? [...(value as [])] : [])),
    keys: keysOf(sorted),
  };
  const plain = parseCatalog(stringify(sections, OPTIONS), "the recorded catalog");
  const answers = sorted
    .filter(({ query, value }) => !isDeepStrictEqual(answerFrom(plain, query), value))
    .map(({ query, value }) => [queryText(query), withoutKey(query, value)]);
  const used = Object.entries({ ...sections, answers: Object.fromEntries(answers) });
  return stringify(
    Object.fromEntries(used.filter(([, section]) => Object.keys(section).length > 0)),
    OPTIONS,
  );
}

/** A recorded catalog is passed around; a private key is not. */
const withoutKey = (query: Query, value: AnswerValue): unknown =>
  query.kind === "caLeaf" ? { ...(value as CaLeaf), privateKeyPem: "(not recorded)" } : value;

const OPTIONS = { lineWidth: 0, aliasDuplicateObjects: false };

/** By name, which may be any, such as `constructor`; each instance once. */
function servicesOf(recorded: readonly RecordedAnswer[]): Readonly<Record<string, object[]>> {
  const services = new Map<string, object[]>();
  const seen = new Set<string>();
  for (const { query, value } of recorded) {
    if (query.kind !== "service") continue;
    for (const instance of value as readonly Instance[]) {
      const { name, id, node, datacenter } = instance;
      const key = JSON.stringify([name, id, node, datacenter]);
      if (seen.has(key)) continue;
      seen.add(key);
      services.set(name, [...(services.get(name) ?? []), written(instance)]);
    }
  }
  return Object.fromEntries(services);
}

/** An instance as the file has it: without the values that the reader of the file assumes. */
function written(instance: Instance): object {
  const { id, address, port, tags, meta, weights, status } = instance;
  const { isNodeCritical, isUnchecked } = instance;
  const { node, nodeId, nodeAddress, nodeMeta, datacenter, createIndex } = instance;
  return {
    id,
    address,
    port,
    tags: tags.length > 0 ? tags : undefined,
    meta: Object.keys(meta).length > 0 ? meta : undefined,
    weights: weights.passing === 1 && weights.warning === 1 ? undefined : weights,
    status,
    isNodeCritical,
    isUnchecked,
    node,
    nodeId,
    nodeAddress: nodeAddress === address ? undefined : nodeAddress,
    nodeMeta: Object.keys(nodeMeta).length > 0 ? nodeMeta : undefined,
    datacenter,
    createIndex,
  };
}

function keysOf(recorded: readonly RecordedAnswer[]): Record<string, string> {
  const entries = recorded.flatMap(({ query, value }) => {
    if (query.kind === "tree") return value as readonly { key: string; value: string }[];
    return query.kind === "key" && value !== null ? [value as { key: string; value: string }] : [];
  });
  const sorted = entries.toSorted((a, b) => compare(a.key, b.key));
  return Object.fromEntries(sorted.map(({ key, value }) => [key, value]));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
