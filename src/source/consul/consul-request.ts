import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import { NOT_CONSUL, unusable } from "./consul-answer.ts";
import type { ConsulClient, PackageMethod, Parameters } from "./consul-client.ts";
import type { HttpReply } from "./http-get.ts";

/** Consul may add up to a sixteenth to the wait. Source: Consul documentation, "Blocking Queries". */
const JITTER_SHARE = 1 / 16;
/** What an answer may take beyond the wait, before its connection counts as half-open. */
const MARGIN_MS = 5_000;
/** What an answer may take that Consul does not hold. */
const IMMEDIATE_MS = 10_000;

/** What to read of Consul. */
export interface ConsulRequest {
  /** Below `/v1`, encoded. */
  readonly path: string;
  readonly parameters?: Parameters;
  /** The config's own when absent. */
  readonly datacenter?: string | undefined;
  /** The agent answers for itself, whatever the datacenter. */
  readonly isAgents?: boolean;
  /** What to do when it is not there (404), where that is a failure: some versions of Consul send an index with it. */
  readonly hintWhenAbsent?: string;
}

/** How a request is sent. */
export interface RequestOptions {
  readonly config: ConsulConfig;
  /** The index last seen; 0 answers at once. */
  readonly index: bigint;
  /** How long Consul may hold the request while there is nothing newer. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** A body as Consul sent it; `undefined` when there is no such key (404). */
export interface RawAnswer {
  readonly headers: HttpReply["headers"];
  readonly body: Buffer | undefined;
}

/**
 * Sends Consul one request. An answer staler than the config allows is read again from the leader.
 *
 * @throws the signal's reason once aborted, else {AppError} CONSUL or CONSUL_REFUSED with the status and Consul's own words
 */
export async function requestConsul(
  client: ConsulClient,
  request: ConsulRequest,
  options: RequestOptions,
): Promise<RawAnswer> {
  const { config } = options;
  const first = await send(client, request, { ...options, consistency: config.consistency });
  if (config.consistency !== "stale" || staleMs(first) <= config.maxStale) return first;
  return await send(client, request, { ...options, index: 0n, consistency: "default" });
}

/**
 * Calls a method of the `consul` package that the agent answers for itself.
 *
 * @throws what {@link requestConsul} throws
 */
export async function callConsul<T>(
  client: ConsulClient,
  method: PackageMethod<T>,
  { config, signal }: Pick<RequestOptions, "config" | "signal">,
): Promise<T> {
  const parameters = consistencyParameters(config, config.consistency);
  try {
    return await client.call(method, { parameters, withinMs: IMMEDIATE_MS, signal });
  } catch (cause) {
    const { response } = cause as { readonly response?: PackageResponse };
    if (response === undefined) throw failure(config, { cause, signal });
    const { statusCode: status, body = "" } = response;
    const isText = typeof body === "string" || Buffer.isBuffer(body);
    throw cannotAsk(config, { status, reason: reasonIn(isText ? body : JSON.stringify(body)) });
  }
}

/** What the package's error of an answer with another status than 200 carries. Source: papi's README, "Errors". */
interface PackageResponse {
  readonly statusCode: number;
  /** Decoded, where the package knows its type. */
  readonly body?: unknown;
}

async function send(
  client: ConsulClient,
  request: ConsulRequest,
  options: RequestOptions & { readonly consistency: ConsulConfig["consistency"] },
): Promise<RawAnswer> {
  const { config, index, waitMs, signal } = options;
  const withinMs = index === 0n ? IMMEDIATE_MS : waitMs + waitMs * JITTER_SHARE + MARGIN_MS;
  let reply: HttpReply;
  try {
    const parameters = parametersOf(request, options);
    reply = await client.get(request.path, { parameters, withinMs, signal });
  } catch (cause) {
    throw failure(config, { cause, signal });
  }
  const { status, headers, body } = reply;
  if (status === 200) return { headers, body };
  const hint = status === 404 ? request.hintWhenAbsent : undefined;
  if (hint !== undefined) throw cannotAsk(config, { status, reason: reasonIn(body), hint });
  // Of a key that does not exist. Any other 404 does not come from Consul.
  if (status === 404 && "x-consul-index" in headers) return { headers, body: undefined };
  throw cannotAsk(config, { status, reason: reasonIn(body) });
}

function parametersOf(
  { parameters, datacenter, isAgents = false }: ConsulRequest,
  {
    config,
    index,
    waitMs,
    consistency,
  }: RequestOptions & { readonly consistency: ConsulConfig["consistency"] },
): Parameters {
  const dc = isAgents ? undefined : (datacenter ?? config.datacenter);
  return {
    ...parameters,
    ...(dc === undefined ? {} : { dc }),
    ...consistencyParameters(config, consistency),
    ...(index === 0n ? {} : { index: String(index), wait: `${waitMs}ms` }),
  };
}

const consistencyParameters = (
  { partition }: ConsulConfig,
  consistency: ConsulConfig["consistency"],
): Parameters => ({
  ...(partition === undefined ? {} : { partition }),
  ...(consistency === "default" ? {} : { [consistency]: "true" }),
});

/** The answer's index. @throws {AppError} CONSUL when it has none: then it does not come from Consul. */
export function indexOf({ headers }: RawAnswer): bigint {
  const header = headers["x-consul-index"];
  const index = typeof header === "string" && /^\d+$/.test(header) ? BigInt(header) : 0n;
  if (index > 0n) return index;
  throw unusable("answer", `its X-Consul-Index is ${String(header ?? "missing")}`);
}

/** Whether Consul says that it left out of the answer what the token may not see. Source: Consul 1.11, changelog. */
export const isFiltered = ({ headers }: RawAnswer): boolean =>
  headers["x-consul-results-filtered-by-acls"] === "true";

/** The answer's JSON; `undefined` when there is no such thing. @throws {AppError} CONSUL */
export function jsonOf({ body }: RawAnswer): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw unusable("answer", "it is not JSON");
  }
}

const staleMs = ({ headers }: RawAnswer): number => Number(headers["x-consul-lastcontact"] ?? 0);

/** Consul's own words about a failure. */
const reasonIn = (body: string | Buffer): string =>
  (typeof body === "string" ? body.slice(0, 500) : body.toString("utf8", 0, 500)).trim();

/** @throws the signal's reason, once aborted */
function failure(
  config: ConsulConfig,
  { cause, signal }: { readonly cause: unknown; readonly signal: AbortSignal },
): AppError {
  signal.throwIfAborted();
  return cause instanceof AppError ? cause : cannotAsk(config, { reason: reasonOf(cause), cause });
}

function reasonOf(cause: unknown): string {
  const { code } = cause as { readonly code?: string };
  // The package puts its own name and that of its method in front.
  const message = messageOf(cause).replace(/^consul: (?:[a-z.]+: )?/i, "");
  return code === undefined || message.includes(code) ? message : `${code} ${message}`;
}

function cannotAsk(
  config: ConsulConfig,
  {
    status,
    reason,
    cause,
    hint = hintFor(status, reason),
  }: {
    readonly status?: number;
    readonly reason: string;
    readonly cause?: unknown;
    readonly hint?: string;
  },
): AppError {
  const where = config.address.replace(/\/\/[^@/]*@/, "//");
  return new AppError(
    isRefusal(status, reason) ? "CONSUL_REFUSED" : "CONSUL",
    `Cannot ask Consul at ${where}: ${status === undefined ? "" : `${status} `}${reason}`,
    { hint, cause },
  );
}

/** Whether the failure is of this one request: it is forbidden, malformed, or about an unknown datacenter. */
const isRefusal = (status: number | undefined, reason: string): boolean =>
  status === 400 || status === 403 || (status === 500 && reason.includes("No path to datacenter"));

function hintFor(status: number | undefined, reason: string): string {
  if (status === 404) return NOT_CONSUL;
  if (status === 403) return "Give consul.token the policy to read services, nodes and keys";
  if (status === 429)
    return "Raise limits.http_max_conns_per_client of the agent, or lower consul.maxConnections";
  if (reason.includes("is larger than"))
    return "Ask for less in the templates: a narrower key prefix, or fewer services";
  if (status === undefined)
    return "Check that the Consul agent runs and that consul.address names it";
  return "See the Consul agent's log";
}
