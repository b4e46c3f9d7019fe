import type { CatalogNode, Instance, KeyValue, ServiceSummary } from "./instance.ts";

/** All instances of one service, whatever their health: who asks decides what is healthy enough. */
export interface ServiceQuery {
  readonly kind: "service";
  readonly name: string;
  readonly tag?: string;
  readonly datacenter?: string;
  readonly near?: string;
  /** An expression in Consul's filter language, evaluated by Consul. */
  readonly filter?: string;
}

interface ServicesQuery {
  readonly kind: "services";
  readonly datacenter?: string;
}

interface NodesQuery {
  readonly kind: "nodes";
  readonly datacenter?: string;
}

interface DatacentersQuery {
  readonly kind: "datacenters";
}

/** One entry of the key-value store; its answer is `null` when there is no such key. */
interface KeyQuery {
  readonly kind: "key";
  readonly key: string;
  readonly datacenter?: string;
}

/** All entries of the key-value store whose key starts with `prefix`. */
interface TreeQuery {
  readonly kind: "tree";
  readonly prefix: string;
  readonly datacenter?: string;
}

/** One question a template asks of the catalog. */
export type Query =
  | ServiceQuery
  | ServicesQuery
  | NodesQuery
  | DatacentersQuery
  | KeyQuery
  | TreeQuery;

interface AnswerValues {
  readonly service: readonly Instance[];
  readonly services: readonly ServiceSummary[];
  readonly nodes: readonly CatalogNode[];
  readonly datacenters: readonly string[];
  readonly key: KeyValue | null;
  readonly tree: readonly KeyValue[];
}

/** What a source answers to a query of type `Q`. */
export type AnswerValue<Q extends Query = Query> = AnswerValues[Q["kind"]];

/**
 * The canonical text of a query, such as `service v2.web@dc2~_agent`.
 *
 * Equal queries have equal texts and different ones different texts: it is the key of an answer.
 */
export function queryText(query: Query): string {
  switch (query.kind) {
    case "service":
      return `service ${serviceText(query)}`;
    case "services":
    case "nodes":
      return `${query.kind}${atDatacenter(query)}`;
    case "datacenters":
      return query.kind;
    case "key":
      return `key ${JSON.stringify(query.key)}${atDatacenter(query)}`;
    case "tree":
      return `tree ${JSON.stringify(query.prefix)}${atDatacenter(query)}`;
  }
}

function serviceText(query: ServiceQuery): string {
  const tag = query.tag === undefined ? "" : `${quoted(query.tag)}.`;
  const near = query.near === undefined ? "" : `~${query.near}`;
  const filter = query.filter === undefined ? "" : ` filter=${JSON.stringify(query.filter)}`;
  return `${tag}${quoted(query.name)}${atDatacenter(query)}${near}${filter}`;
}

/** A name that could be read as more than a name stands in quotes, so that no two queries share a text. */
const quoted = (name: string): string => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name));

const atDatacenter = (query: { readonly datacenter?: string }): string =>
  query.datacenter === undefined ? "" : `@${query.datacenter}`;
