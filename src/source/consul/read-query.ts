import { setTimeout as sleep } from "node:timers/promises";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import { type AskOptions, askConsul, indexOf, jsonOf, type Question } from "./ask-consul.ts";
import type { IndexedAnswer } from "./blocking-query.ts";
import { type ConsulQuery, parseAnswer } from "./consul-answer.ts";
import type { ConsulClient } from "./consul-client.ts";

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
  const answer = await askConsul(client, questionOf(named), options);
  return { index: indexOf(answer), value: parseAnswer(query, jsonOf(answer)) };
}

/** Consul's answer carries no index and cannot be waited for: it is read every so often. */
async function poll(
  client: ConsulClient,
  query: Extract<ConsulQuery, { readonly kind: keyof typeof POLL_MS }>,
  options: AskOptions,
): Promise<IndexedAnswer<AnswerValue>> {
  const { index, waitMs, signal } = options;
  if (index > 0n) await sleep(Math.min(waitMs, POLL_MS[query.kind]), undefined, { signal });
  const answer = await askConsul(client, questionOf(query), { ...options, index: 0n });
  return { index: index + 1n, value: parseAnswer(query, jsonOf(answer)) };
}

/** The name of the node that is asked for: the one that the agent runs on, when none is. */
async function nodeName(
  client: ConsulClient,
  query: Extract<Query, { readonly kind: "node" }>,
  options: AskOptions,
): Promise<string> {
  if (query.node !== undefined) return query.node;
  const self = { path: "/v1/agent/self", isAgents: true };
  const answer = jsonOf(await askConsul(client, self, { ...options, index: 0n })) as
    | { readonly Config?: { readonly NodeName?: unknown } }
    | undefined;
  return String(answer?.Config?.NodeName);
}

/** Where Consul's HTTP API answers a query. Source: Consul API documentation. */
export function questionOf(query: ConsulQuery): Question {
  const datacenter = "datacenter" in query ? query.datacenter : undefined;
  switch (query.kind) {
    case "service":
    case "connect":
      return {
        path: `/v1/health/${query.kind}/${encodeURIComponent(query.name)}`,
        params: selection(query, ["tag", "near", "filter"]),
        datacenter,
      };
    case "prepared":
      return {
        path: `/v1/query/${encodeURIComponent(query.prepared)}/execute`,
        params: selection(query, ["near"]),
        datacenter,
      };
    case "services":
      return { path: "/v1/catalog/services", datacenter };
    case "nodes":
      return {
        path: "/v1/catalog/nodes",
        params: selection(query, ["near", "filter"]),
        datacenter,
      };
    case "node":
      return { path: `/v1/catalog/node/${encodeURIComponent(query.node ?? "")}`, datacenter };
    case "datacenters":
      return { path: "/v1/catalog/datacenters", isAgents: true };
    case "key":
      return { path: `/v1/kv/${keyPath(query.key)}`, datacenter };
    case "tree":
      return { path: `/v1/kv/${keyPath(query.prefix)}`, params: { recurse: "" }, datacenter };
    case "caRoots":
      return { path: "/v1/agent/connect/ca/roots", isAgents: true };
    case "caLeaf":
      return {
        path: `/v1/agent/connect/ca/leaf/${encodeURIComponent(query.service)}`,
        isAgents: true,
      };
  }
}

/** Those of a query's parts that are there. */
function selection<Q extends ConsulQuery>(
  query: Q,
  keys: readonly (keyof Q)[],
): Readonly<Record<string, string>> {
  const present = keys.filter((key) => query[key] !== undefined);
  return Object.fromEntries(present.map((key) => [key, String(query[key])]));
}

/** Slashes of a key stay: they are part of the path. */
const keyPath = (key: string): string => encodeURIComponent(key).replaceAll("%2F", "/");
