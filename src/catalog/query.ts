import type { CaLeaf, CaRoot } from "./certificates.ts";
import type {
  CatalogNode,
  Instance,
  KeyValue,
  NodeWithServices,
  ServiceSummary,
} from "./instance.ts";
import type { NetworkInterface } from "./network-interface.ts";

/*
 * A query that is about one service has that service's name as its `name`; no other query has a `name`.
 */

/** Which instances of a service. */
interface InstancesQuery {
  readonly name: string;
  readonly tag?: string;
  readonly datacenter?: string;
  /** A node's name, or `_agent`: the nearest come first. */
  readonly near?: string;
  /** An expression in Consul's filter language, evaluated by Consul. */
  readonly filter?: string;
}

/** All instances of one service, whatever their health: the template decides which are healthy enough. */
export interface ServiceQuery extends InstancesQuery {
  readonly kind: "service";
}

/** All instances that serve one service within the mesh: its sidecar proxies and those that speak Connect. */
interface ConnectQuery extends InstancesQuery {
  readonly kind: "connect";
}

/** The result of a prepared query: Consul decides which instances, and of which datacenter. */
interface PreparedQuery {
  readonly kind: "prepared";
  /** Its name or id. */
  readonly prepared: string;
  readonly datacenter?: string;
  readonly near?: string;
}

interface ServicesQuery {
  readonly kind: "services";
  readonly datacenter?: string;
}

interface NodesQuery {
  readonly kind: "nodes";
  readonly datacenter?: string;
  readonly near?: string;
  /** An expression in Consul's filter language, evaluated by Consul. */
  readonly filter?: string;
}

/** One node with its services; its answer is `null` when the node does not exist. */
interface NodeQuery {
  readonly kind: "node";
  /** The node of the agent when absent. */
  readonly node?: string;
  readonly datacenter?: string;
}

interface DatacentersQuery {
  readonly kind: "datacenters";
}

/** One entry of the key-value store; its answer is `null` when the key does not exist. */
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

/** The certificates that Connect's certificate authority trusts. */
interface CaRootsQuery {
  readonly kind: "caRoots";
}

/** The certificate that Connect gives to a service, with its private key. */
interface CaLeafQuery {
  readonly kind: "caLeaf";
  readonly service: string;
}

/** The content of a file on this machine. */
interface FileQuery {
  readonly kind: "file";
  /** Relative ones are relative to the config file. */
  readonly path: string;
}

/** The addresses of this machine. */
interface InterfacesQuery {
  readonly kind: "interfaces";
}

/** One query of a template: about the catalog, or about the machine that it is rendered on. */
export type Query =
  | ServiceQuery
  | ConnectQuery
  | PreparedQuery
  | ServicesQuery
  | NodesQuery
  | NodeQuery
  | DatacentersQuery
  | KeyQuery
  | TreeQuery
  | CaRootsQuery
  | CaLeafQuery
  | FileQuery
  | InterfacesQuery;

interface AnswerValues {
  readonly service: readonly Instance[];
  readonly connect: readonly Instance[];
  readonly prepared: readonly Instance[];
  readonly services: readonly ServiceSummary[];
  readonly nodes: readonly CatalogNode[];
  readonly node: NodeWithServices | null;
  readonly datacenters: readonly string[];
  readonly key: KeyValue | null;
  readonly tree: readonly KeyValue[];
  readonly caRoots: readonly CaRoot[];
  readonly caLeaf: CaLeaf;
  readonly file: string;
  readonly interfaces: readonly NetworkInterface[];
}

/** The answer to a query of type `Q`. */
export type AnswerValue<Q extends Query = Query> = AnswerValues[Q["kind"]];

/**
 * The canonical text of a query, such as `service v2.web@dc2~_agent`.
 *
 * Equal queries have equal texts and different ones different texts: it is the key of an answer.
 */
export function queryText(query: Query): string {
  const known = texts.get(query);
  if (known !== undefined) return known;
  const text = makeText(query);
  texts.set(query, text);
  return text;
}

/** A query that is kept is looked up by its text again and again. */
const texts = new WeakMap<Query, string>();

function makeText(query: Query): string {
  switch (query.kind) {
    case "service":
    case "connect":
      return `${query.kind} ${instancesText(query)}`;
    case "services":
    case "nodes":
      return `${query.kind}${details(query)}`;
    case "datacenters":
    case "caRoots":
    case "interfaces":
      return query.kind;
    case "prepared":
      return `prepared ${quoted(query.prepared)}${details(query)}`;
    case "node":
      return `node${query.node === undefined ? "" : ` ${quoted(query.node)}`}${details(query)}`;
    case "key":
      return `key ${JSON.stringify(query.key)}${details(query)}`;
    case "tree":
      return `tree ${JSON.stringify(query.prefix)}${details(query)}`;
    case "caLeaf":
      return `caLeaf ${quoted(query.service)}`;
    case "file":
      return `file ${JSON.stringify(query.path)}`;
  }
}

function instancesText(query: InstancesQuery): string {
  const tag = query.tag === undefined ? "" : `${quoted(query.tag)}.`;
  return `${tag}${quoted(query.name)}${details(query)}`;
}

function details(query: {
  readonly datacenter?: string;
  readonly near?: string;
  readonly filter?: string;
}): string {
  const at = query.datacenter === undefined ? "" : `@${query.datacenter}`;
  const near = query.near === undefined ? "" : `~${query.near}`;
  const filter = query.filter === undefined ? "" : ` filter=${JSON.stringify(query.filter)}`;
  return `${at}${near}${filter}`;
}

/** A name with other characters is quoted, so that no two queries share a text. */
const quoted = (name: string): string => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name));
