import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { IndexedAnswer } from "./blocking-query.ts";
import { type ConsulQuery, parseAnswer } from "./consul-answer.ts";
import type { ConsulClient } from "./consul-client.ts";

/** Consul may add up to a sixteenth to the wait. Source: Consul documentation, "Blocking Queries". */
const JITTER_SHARE = 1 / 16;
/** What an answer may take beyond the wait, before its connection counts as half-open. */
const MARGIN_MS = 5_000;
/** What an answer may take that Consul does not hold. */
const AT_ONCE_MS = 15_000;
/** How often is read what cannot be waited for. */
const POLL_MS = { datacenters: 30_000, prepared: 5_000 } as const;

/** How one question is asked. */
interface ReadOptions {
  readonly config: ConsulConfig;
  /** The index last seen; 0 answers at once. */
  readonly index: bigint;
  /** How long Consul may hold the question while there is nothing newer. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks Consul one query, once.
 *
 * @throws {AppError} CONSUL, with the status and Consul's own words
 */
export async function readQuery(
  client: ConsulClient,
  query: Query,
  options: ReadOptions,
): Promise<IndexedAnswer<AnswerValue>> {
  if (query.kind === "file" || query.kind === "interfaces") {
    throw new Error(`Consul knows no ${query.kind}`);
  }
  if (query.kind === "datacenters" || query.kind === "prepared") {
    return await poll(client, query, options);
  }
  const { config } = options;
  const first = await ask(client, query, { ...options, consistency: config.consistency });
  const { response, body } =
    config.consistency === "stale" && staleMs(first.response) > config.maxStale
      ? await ask(client, query, { ...options, index: 0n, consistency: "default" })
      : first;
  return { index: indexOf(response), value: parseAnswer(query, body) };
}

/** Consul's answer carries no index and cannot be waited for: it is read every so often. */
async function poll(
  client: ConsulClient,
  query: Extract<ConsulQuery, { readonly kind: keyof typeof POLL_MS }>,
  options: ReadOptions,
): Promise<IndexedAnswer<AnswerValue>> {
  const { config, index, waitMs, signal } = options;
  if (index > 0n) await sleep(Math.min(waitMs, POLL_MS[query.kind]), undefined, { signal });
  const { body } = await ask(client, query, {
    ...options,
    index: 0n,
    consistency: config.consistency,
  });
  return { index: index + 1n, value: parseAnswer(query, body) };
}

async function ask(
  client: ConsulClient,
  query: ConsulQuery,
  options: ReadOptions & { readonly consistency: ConsulConfig["consistency"] },
): Promise<{ readonly response: IncomingMessage; readonly body: unknown }> {
  const { config, index, waitMs, signal, consistency } = options;
  signal.throwIfAborted();
  const context = Object.assign(new EventEmitter(), { includeResponse: true });
  const cancel = () => context.emit("cancel");
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const token = await client.token();
    const [response, body] = (await call(client, query, {
      ctx: context,
      timeout: index === 0n ? AT_ONCE_MS : waitMs + waitMs * JITTER_SHARE + MARGIN_MS,
      ...(index === 0n ? {} : { index: String(index), wait: `${waitMs}ms` }),
      ...(token === undefined ? {} : { token }),
      ...(config.partition === undefined ? {} : { partition: config.partition }),
      ...datacenterOf(query, config),
      ...(consistency === "default" ? {} : { [consistency]: true }),
    })) as [IncomingMessage, unknown];
    return { response, body };
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof AppError ? cause : toAppError(cause, config);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** The npm client's types lack the options that all its methods take, and its general request. */
type Call = (options: object) => Promise<unknown>;

const on = (target: unknown, method: string): Call =>
  (target as Record<string, Call>)[method]?.bind(target) as Call;

async function call(client: ConsulClient, query: ConsulQuery, options: object): Promise<unknown> {
  const { health, catalog, kv, query: prepared } = client.api;
  switch (query.kind) {
    case "service":
      return await on(
        health,
        "service",
      )({ ...options, service: query.name, ...selection(query, ["tag", "near", "filter"]) });
    case "connect":
      return await get(
        client,
        `/health/connect/${encodeURIComponent(query.name)}`,
        options,
        selection(query, ["tag", "near", "filter"]),
      );
    case "prepared":
      return await on(
        prepared,
        "execute",
      )({ ...options, query: query.prepared, ...selection(query, ["near"]) });
    case "services":
      return await on(catalog.service, "list")(options);
    case "nodes":
      return await on(
        catalog.node,
        "list",
      )({ ...options, ...selection(query, ["near", "filter"]) });
    case "node":
      return await on(
        catalog.node,
        "services",
      )({ ...options, node: query.node ?? (await agentsNode(client, options)) });
    case "datacenters":
      return await on(catalog, "datacenters")(options);
    case "key":
      return await on(kv, "get")({ ...options, key: query.key });
    case "tree":
      return await on(kv, "get")({ ...options, key: query.prefix, recurse: true });
    case "caRoots":
      return await get(client, "/agent/connect/ca/roots", options);
    case "caLeaf":
      return await get(
        client,
        `/agent/connect/ca/leaf/${encodeURIComponent(query.service)}`,
        options,
      );
  }
}

/** Those of a query's parts that are there. */
function selection<Q extends ConsulQuery>(query: Q, keys: readonly (keyof Q)[]): Partial<Q> {
  const present = keys.filter((key) => query[key] !== undefined);
  return Object.fromEntries(present.map((key) => [key, query[key]])) as Partial<Q>;
}

/** A GET that the npm client has no method for, with the same options as its methods take. */
async function get(
  client: ConsulClient,
  path: string,
  options: object,
  more: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  const { ctx, timeout, token, ...query } = options as Readonly<Record<string, unknown>>;
  const response = await on(
    client.api,
    "_get",
  )({
    path,
    ctx,
    timeout,
    query: { ...query, ...more },
    headers: token === undefined ? {} : { "x-consul-token": token },
  });
  return [response, (response as { readonly body?: unknown }).body];
}

/** The name of the node that the agent runs on. */
async function agentsNode(client: ConsulClient, options: object): Promise<unknown> {
  const { ctx, timeout, token } = options as Readonly<Record<string, unknown>>;
  const [, self] = (await on(client.api.agent, "self")({ ctx, timeout, token })) as [
    unknown,
    { readonly Config?: { readonly NodeName?: unknown } } | undefined,
  ];
  return self?.Config?.NodeName;
}

function datacenterOf(query: ConsulQuery, config: ConsulConfig): { readonly dc?: string } {
  if (query.kind === "datacenters" || query.kind === "caRoots" || query.kind === "caLeaf")
    return {};
  const dc = query.datacenter ?? config.datacenter;
  return dc === undefined ? {} : { dc };
}

function staleMs(response: IncomingMessage): number {
  return Number(response.headers["x-consul-lastcontact"] ?? 0);
}

function indexOf(response: IncomingMessage): bigint {
  const header = response.headers["x-consul-index"];
  const index = typeof header === "string" && /^\d+$/.test(header) ? BigInt(header) : 0n;
  if (index > 0n) return index;
  throw new AppError(
    "CONSUL",
    `Cannot use Consul's answer as its X-Consul-Index is ${String(header ?? "missing")}`,
    {
      hint: "See that consul.address is a Consul agent, and what stands between",
    },
  );
}

function toAppError(cause: unknown, config: ConsulConfig): AppError {
  const status = (cause as { readonly statusCode?: number }).statusCode;
  const code = (cause as { readonly code?: string }).code;
  const reason =
    code !== undefined && !messageOf(cause).includes(code)
      ? `${code} ${messageOf(cause)}`
      : messageOf(cause);
  const where = config.address.replace(/\/\/[^@/]*@/, "//");
  return new AppError(
    "CONSUL",
    `Cannot ask Consul at ${where}: ${status === undefined ? "" : `${status} `}${reason.replace(/^consul: /, "")}`,
    { hint: hintFor(status), cause },
  );
}

function hintFor(status: number | undefined): string {
  if (status === 403) return "Give consul.token the policy to read services, nodes and keys";
  if (status === 429)
    return "Raise limits.http_max_conns_per_client of the agent, or lower consul.maxConnections";
  if (status === undefined)
    return "See that the Consul agent runs and that consul.address names it";
  return "See the Consul agent's log";
}
