import type { ConsulQuery } from "./consul-answer.ts";
import type { ConsulRequest } from "./consul-request.ts";

/** Queries that are read with one GET. The `consul` package reads the datacenters. */
type RequestedQuery = Exclude<ConsulQuery, { readonly kind: "datacenters" }>;

/** The request that reads a query. Source: Consul API documentation. */
export function requestFor(query: RequestedQuery): ConsulRequest {
  const datacenter = "datacenter" in query ? query.datacenter : undefined;
  switch (query.kind) {
    case "service": {
      const parameters = selection(query, ["tag", "near", "filter"]);
      return { path: `/health/service/${encodeURIComponent(query.name)}`, parameters, datacenter };
    }
    case "connect": {
      const parameters = selection(query, ["tag", "near", "filter"]);
      return { path: `/health/connect/${encodeURIComponent(query.name)}`, parameters, datacenter };
    }
    case "prepared": {
      const parameters = selection(query, ["near"]);
      const path = `/query/${encodeURIComponent(query.prepared)}/execute`;
      const hintWhenAbsent = "Create the prepared query, or correct its name in the template";
      return { path, parameters, datacenter, hintWhenAbsent };
    }
    case "services":
      return { path: "/catalog/services", datacenter };
    case "nodes":
      return {
        path: "/catalog/nodes",
        parameters: selection(query, ["near", "filter"]),
        datacenter,
      };
    case "node":
      return nodeRequest(query.node ?? "", datacenter);
    case "key":
      return { path: keyPath(query.key), datacenter };
    case "tree":
      return { path: keyPath(query.prefix), parameters: { recurse: "true" }, datacenter };
    case "caRoots":
      return { path: "/agent/connect/ca/roots", isAgents: true };
    case "caLeaf":
      return {
        path: `/agent/connect/ca/leaf/${encodeURIComponent(query.service)}`,
        isAgents: true,
      };
  }
}

/** The request for all services of a node. */
export const nodeRequest = (node: string, datacenter: string | undefined): ConsulRequest => ({
  path: `/catalog/node/${encodeURIComponent(node)}`,
  datacenter,
});

/** The request for all checks in a state. */
export const checksRequest = (
  state: "any" | "warning" | "critical",
  datacenter: string | undefined,
): ConsulRequest => ({ path: `/health/state/${state}`, datacenter });

/** The slashes of a key stay: a gateway before Consul may refuse them encoded. */
const keyPath = (key: string): string => `/kv/${encodeURIComponent(key).replaceAll("%2F", "/")}`;

/** Those of a query's parts that are present. */
function selection<Q extends ConsulQuery>(
  query: Q,
  keys: readonly (keyof Q)[],
): Readonly<Record<string, string>> {
  const present = keys.filter((key) => query[key] !== undefined);
  return Object.fromEntries(present.map((key) => [key, String(query[key])]));
}
