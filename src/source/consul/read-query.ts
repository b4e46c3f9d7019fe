import { setTimeout as sleep } from "node:timers/promises";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { IndexedAnswer } from "./blocking-query.ts";
import { type ConsulQuery, parseConsulAnswer } from "./consul-answer.ts";
import { type ConsulClient, otherCall } from "./consul-client.ts";
import {
  type AskOptions,
  type ConsulRequest,
  indexOf,
  jsonOf,
  requestConsul,
} from "./consul-request.ts";

/** How often is read what cannot be waited for. */
const POLL_MS = { datacenters: 30_000, prepared: 5_000 } as const;

/**
 * Asks Consul one query, once.
 *
 * @throws {AppError} CONSUL, with the status and Consul's own words
 */
export async function readQuery(
  client: ConsulClient,
  query: Query,
  options: AskOptions,
): Promise<IndexedAnswer<AnswerValue>> {
  if (query.kind === "file" || query.kind === "interfaces") {
    throw new Error(`Consul knows no ${query.kind}`);
  }
  if (query.kind === "datacenters" || query.kind === "prepared") {
    return await poll(client, query, options);
  }
  const named =
    query.kind === "node" ? { ...query, node: await nodeName(client, query, options) } : query;
  const answer = await requestConsul(client, questionOf(named), options);
  return { index: indexOf(answer), value: parseConsulAnswer(query, jsonOf(answer)) };
}

/** Consul's answer carries no index and cannot be waited for: it is read every so often. */
async function poll(
  client: ConsulClient,
  query: Extract<ConsulQuery, { readonly kind: keyof typeof POLL_MS }>,
  options: AskOptions,
): Promise<IndexedAnswer<AnswerValue>> {
  const { index, waitMs, signal } = options;
  if (index > 0n) await sleep(Math.min(waitMs, POLL_MS[query.kind]), undefined, { signal });
  const answer = await requestConsul(client, questionOf(query), { ...options, index: 0n });
  return { index: index + 1n, value: parseConsulAnswer(query, jsonOf(answer)) };
}

/** The name of the node that is asked for: the one that the agent runs on, when none is. */
async function nodeName(
  client: ConsulClient,
  query: Extract<Query, { readonly kind: "node" }>,
  options: AskOptions,
): Promise<string> {
  if (query.node !== undefined) return query.node;
  const answer = jsonOf(await requestConsul(client, SELF, { ...options, index: 0n })) as
    | { readonly Config?: { readonly NodeName?: unknown } }
    | undefined;
  return String(answer?.Config?.NodeName);
}

const SELF: ConsulRequest = { call: (consul, common) => consul.agent.self(common), isAgents: true };

/** How Consul is asked a query. Source: Consul API documentation. */
export function questionOf(query: ConsulQuery): ConsulRequest {
  const datacenter = "datacenter" in query ? query.datacenter : undefined;
  switch (query.kind) {
    case "service": {
      const own = { service: query.name, ...selection(query, ["tag", "near", "filter"]) };
      return { call: (consul, common) => consul.health.service({ ...own, ...common }), datacenter };
    }
    case "connect": {
      const own = selection(query, ["tag", "near", "filter"]);
      return {
        call: otherCall("/health/connect/{service}", { service: query.name }, own),
        datacenter,
      };
    }
    case "prepared": {
      const own = { query: query.prepared, ...selection(query, ["near"]) };
      return { call: (consul, common) => consul.query.execute({ ...own, ...common }), datacenter };
    }
    case "services":
      return { call: (consul, common) => consul.catalog.services(common), datacenter };
    case "nodes": {
      const own = selection(query, ["near", "filter"]);
      return { call: (consul, common) => consul.catalog.nodes({ ...own, ...common }), datacenter };
    }
    case "node":
      return nodeQuestion(query.node ?? "", datacenter);
    case "datacenters":
      return { call: (consul, common) => consul.catalog.datacenters(common), isAgents: true };
    case "key":
      return { call: (consul, common) => consul.kv.get({ key: query.key, ...common }), datacenter };
    case "tree": {
      const own = { key: query.prefix, recurse: true };
      return { call: (consul, common) => consul.kv.get({ ...own, ...common }), datacenter };
    }
    case "caRoots":
      return { call: otherCall("/agent/connect/ca/roots"), isAgents: true };
    case "caLeaf":
      return {
        call: otherCall("/agent/connect/ca/leaf/{service}", { service: query.service }),
        isAgents: true,
      };
  }
}

/** All that a node runs. */
export const nodeQuestion = (node: string, datacenter: string | undefined): ConsulRequest => ({
  call: (consul, common) => consul.catalog.node.services({ node, ...common }),
  datacenter,
});

/** All checks in a state. */
export const checksQuestion = (
  state: "any" | "warning" | "critical",
  datacenter: string | undefined,
): ConsulRequest => ({
  call: (consul, common) => consul.health.state({ state, ...common }),
  datacenter,
});

/** Those of a query's parts that are there. */
function selection<Q extends ConsulQuery>(
  query: Q,
  keys: readonly (keyof Q)[],
): Readonly<Record<string, string>> {
  const present = keys.filter((key) => query[key] !== undefined);
  return Object.fromEntries(present.map((key) => [key, String(query[key])]));
}
