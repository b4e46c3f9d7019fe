import { setTimeout as sleep } from "node:timers/promises";
import type Consul from "consul";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import { requestFor } from "./api-requests.ts";
import type { IndexedAnswer } from "./blocking-query.ts";
import { type ConsulQuery, parseConsulAnswer } from "./consul-answer.ts";
import type { ConsulClient } from "./consul-client.ts";
import {
  callConsul,
  indexOf,
  isFiltered,
  jsonOf,
  type RawAnswer,
  type RequestOptions,
  requestConsul,
} from "./consul-request.ts";

/** How often a query is read for which Consul has no blocking query. */
const POLL_MS = { datacenters: 30_000, prepared: 5_000 } as const;

/**
 * Reads one query, once.
 *
 * @throws {AppError} CONSUL, with the status and Consul's own words
 */
export async function readQuery(
  client: ConsulClient,
  query: Query,
  options: RequestOptions,
): Promise<IndexedAnswer<AnswerValue>> {
  if (query.kind === "file" || query.kind === "interfaces") {
    throw new Error(`Consul has no ${query.kind}`);
  }
  if (query.kind === "datacenters") {
    return await poll(POLL_MS.datacenters, options, async () => {
      const list = (consul: Consul, common: object) => consul.catalog.datacenters(common);
      return parseConsulAnswer(query, await callConsul(client, list, options));
    });
  }
  if (query.kind === "prepared") {
    return await poll(POLL_MS.prepared, options, async () => {
      const answer = await requestConsul(client, requestFor(query), { ...options, index: 0n });
      return parseConsulAnswer(query, jsonOf(answer));
    });
  }
  const named =
    query.kind === "node" ? { ...query, node: await nodeName(client, query, options) } : query;
  const answer = await requestConsul(client, requestFor(named), options);
  return parsedAnswer(query, answer);
}

/** Parses an answer that carries an index. @throws {AppError} CONSUL when it is not one of Consul's */
const parsedAnswer = (query: ConsulQuery, answer: RawAnswer): IndexedAnswer<AnswerValue> => ({
  index: indexOf(answer),
  value: parseConsulAnswer(query, jsonOf(answer)),
  ...(isFiltered(answer) ? { isFiltered: true } : {}),
});

/** Consul's answer carries no index and cannot be waited for: it is read at an interval. */
async function poll(
  everyMs: number,
  { index, waitMs, signal }: RequestOptions,
  read: () => Promise<AnswerValue>,
): Promise<IndexedAnswer<AnswerValue>> {
  if (index > 0n) await sleep(Math.min(waitMs, everyMs), undefined, { signal });
  return { index: index + 1n, value: await read() };
}

/** The name of the node in the query; without one, of the node that the agent runs on. */
async function nodeName(
  client: ConsulClient,
  query: Extract<Query, { readonly kind: "node" }>,
  options: RequestOptions,
): Promise<string> {
  if (query.node !== undefined) return query.node;
  const agent = await callConsul(client, (consul, common) => consul.agent.self(common), options);
  return String(agent?.Config?.NodeName);
}
