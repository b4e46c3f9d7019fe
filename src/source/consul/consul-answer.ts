import type { CaLeaf, CaRoot } from "../../catalog/certificates.ts";
import type {
  CatalogNode,
  Instance,
  InstanceStatus,
  KeyValue,
  NodeService,
  NodeWithServices,
  ServiceSummary,
} from "../../catalog/instance.ts";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import { AppError } from "../../errors.ts";

type Json = Readonly<Record<string, unknown>>;

/** The queries that Consul answers. */
export type ConsulQuery = Exclude<Query, { readonly kind: "file" | "interfaces" }>;

/**
 * Turns the body of Consul's answer to `query` into the catalog's model. Pure.
 *
 * Lists come sorted, so that the same catalog gives the same value whatever order Consul answered in;
 * only `near` and prepared queries keep Consul's order, which is their meaning.
 *
 * @throws {AppError} CONSUL when the body is not what Consul answers to such a query
 */
export function parseConsulAnswer(query: ConsulQuery, body: unknown): AnswerValue {
  switch (query.kind) {
    case "service":
    case "connect": {
      const instances = list(body, query).map(toInstance);
      return query.near === undefined ? instances.toSorted(byPlace) : instances;
    }
    case "services":
      return Object.entries(object(body, query)).map(toSummary).toSorted(byName);
    case "prepared":
      return list(object(body, query)["Nodes"] ?? [], query).map(toInstance);
    case "nodes": {
      const nodes = list(body, query).map(toNode);
      return query.near === undefined ? nodes.toSorted(byName) : nodes;
    }
    case "node":
      return body === null || body === undefined ? null : toNodeWithServices(object(body, query));
    case "datacenters":
      if (Array.isArray(body)) return strings(body).toSorted();
      throw unexpected(query, "a list");
    case "key":
      return body === undefined ? null : toKeyValue(list(body, query)[0] ?? {});
    case "tree":
      return body === undefined ? [] : list(body, query).map(toKeyValue).toSorted(byKey);
    case "caRoots": {
      const { Roots, TrustDomain } = object(body, query);
      return list(Roots, query)
        .map((root) => toCaRoot(root, text(TrustDomain)))
        .toSorted(byId);
    }
    case "caLeaf":
      return toCaLeaf(object(body, query));
  }
}

function list(body: unknown, query: ConsulQuery): readonly Json[] {
  if (Array.isArray(body)) return body.map(part);
  throw unexpected(query, "a list");
}

function object(body: unknown, query: ConsulQuery): Json {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Json;
  throw unexpected(query, "an object");
}

const unexpected = (query: ConsulQuery, what: string): AppError =>
  unusable(`answer to a ${query.kind} query`, `it is not JSON of ${what}`);

/** The error of an answer that does not come from Consul, or not whole. */
export const unusable = (what: string, reason: string): AppError =>
  new AppError("CONSUL", `Cannot use Consul's ${what} as ${reason}`, { hint: NOT_CONSUL });

/** The next step where the answers are not those of Consul. */
export const NOT_CONSUL =
  "Check that consul.address names a Consul agent, and any proxy in between";

/** The body of a list of checks. @throws {AppError} CONSUL when it is not a list */
export function checksIn(body: unknown): readonly Json[] {
  if (Array.isArray(body)) return body as readonly Json[];
  throw unusable("list of checks", "it is not a list");
}

function toInstance(entry: Json): Instance {
  const node = part(entry["Node"]);
  const service = part(entry["Service"]);
  const weights = part(service["Weights"]);
  return {
    id: text(service["ID"]),
    name: text(service["Service"]),
    address: text(service["Address"]) || text(node["Address"]),
    port: Number(service["Port"] ?? 0),
    tags: strings(service["Tags"]),
    meta: stringMap(service["Meta"]),
    weights: { passing: Number(weights["Passing"] ?? 1), warning: Number(weights["Warning"] ?? 1) },
    status: statusOf(entry["Checks"]),
    ...whyCritical(entry["Checks"]),
    node: text(node["Node"]),
    ...(text(node["ID"]) === "" ? {} : { nodeId: text(node["ID"]) }),
    nodeAddress: text(node["Address"]),
    nodeMeta: stringMap(node["Meta"]),
    datacenter: text(node["Datacenter"]),
    createIndex: Number(service["CreateIndex"] ?? 0),
  };
}

/** The worst check decides. Maintenance mode is a critical check with a reserved name. */
function statusOf(checks: unknown): InstanceStatus {
  const all = Array.isArray(checks) ? (checks as Json[]) : [];
  if (all.some(isMaintenance)) return "maintenance";
  const states = new Set(all.map((check) => text(check["Status"])));
  if (states.has("critical")) return "critical";
  return states.has("warning") ? "warning" : "passing";
}

/** Whether a check, as Consul's API shows it, is its maintenance mode. */
export const isMaintenance = (check: Json): boolean =>
  /^_(service|node)_maintenance/.test(text(check["CheckID"]));

/**
 * Whether a check, as Consul's API shows it, has not reported since it was registered. Consul starts a check as critical;
 * a result that passes, or one that its application sets, modifies it. A check whose first run fails looks the same
 * for some minutes, as the agent delays an update that changes only the output (measured).
 */
export const hasNeverReported = (check: Json): boolean =>
  text(check["Output"]) === "" &&
  check["CreateIndex"] === check["ModifyIndex"] &&
  !isMaintenance(check);

/** A check without a service belongs to the node, such as serfHealth. The service's own checks take precedence. */
function whyCritical(checks: unknown): Pick<Instance, "isNodeCritical" | "isUnchecked"> {
  const all = Array.isArray(checks) ? (checks as Json[]) : [];
  const critical = all.filter((check) => text(check["Status"]) === "critical");
  if (critical.length === 0) return {};
  const own = critical.filter((check) => text(check["ServiceID"]) !== "");
  if (own.length === 0) return { isNodeCritical: true };
  return own.every(hasNeverReported) ? { isUnchecked: true } : {};
}

const toSummary = ([name, tags]: [string, unknown]): ServiceSummary => ({
  name,
  tags: strings(tags).toSorted(),
});

const toNode = (node: Json): CatalogNode => ({
  name: text(node["Node"]),
  address: text(node["Address"]),
  datacenter: text(node["Datacenter"]),
  meta: stringMap(node["Meta"]),
});

function toNodeWithServices(body: Json): NodeWithServices {
  const node = toNode(part(body["Node"]));
  const services = Object.values(part(body["Services"])).map(part);
  return {
    ...node,
    services: services.map((it) => toNodeService(it, node.address)).toSorted(byNameAndId),
  };
}

const toNodeService = (service: Json, nodeAddress: string): NodeService => ({
  id: text(service["ID"]),
  name: text(service["Service"]),
  address: text(service["Address"]) || nodeAddress,
  port: Number(service["Port"] ?? 0),
  tags: strings(service["Tags"]),
  meta: stringMap(service["Meta"]),
});

const toCaRoot = (root: Json, trustDomain: string): CaRoot => ({
  id: text(root["ID"]),
  name: text(root["Name"]),
  active: root["Active"] === true,
  rootCertPem: text(root["RootCert"]),
  intermediateCertsPem: strings(root["IntermediateCerts"]),
  notBefore: text(root["NotBefore"]),
  notAfter: text(root["NotAfter"]),
  trustDomain,
});

const toCaLeaf = (leaf: Json): CaLeaf => ({
  service: text(leaf["Service"]),
  serviceUri: text(leaf["ServiceURI"]),
  serialNumber: text(leaf["SerialNumber"]),
  certPem: text(leaf["CertPEM"]),
  privateKeyPem: text(leaf["PrivateKeyPEM"]),
  validAfter: text(leaf["ValidAfter"]),
  validBefore: text(leaf["ValidBefore"]),
});

const toKeyValue = (entry: Json): KeyValue => ({
  key: text(entry["Key"]),
  value: Buffer.from(text(entry["Value"]), "base64").toString("utf8"),
});

const part = (value: unknown): Json =>
  typeof value === "object" && value !== null ? (value as Json) : {};
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : [];

function stringMap(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(part(value)).map(([key, it]) => [key, text(it)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => compare(a, b)));
}

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);
const byName = (a: { readonly name: string }, b: { readonly name: string }) =>
  compare(a.name, b.name);
const byId = (a: CaRoot, b: CaRoot) => compare(a.id, b.id);
const byNameAndId = (a: NodeService, b: NodeService) =>
  compare(a.name, b.name) || compare(a.id, b.id);
const byKey = (a: KeyValue, b: KeyValue) => compare(a.key, b.key);
const byPlace = (a: Instance, b: Instance) =>
  compare(a.address, b.address) ||
  compare(a.port, b.port) ||
  compare(a.node, b.node) ||
  compare(a.id, b.id);
