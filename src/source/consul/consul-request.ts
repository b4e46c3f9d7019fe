import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { Call, CommonOptions, ConsulClient } from "./consul-client.ts";
import type { HttpReply } from "./read-reply.ts";

/** Consul may add up to a sixteenth to the wait. Source: Consul documentation, "Blocking Queries". */
const JITTER_SHARE = 1 / 16;
/** What an answer may take beyond the wait, before its connection counts as half-open. */
const MARGIN_MS = 5_000;
/** What an answer may take that Consul does not hold. */
const AT_ONCE_MS = 10_000;

/** What to read of Consul. */
export interface ConsulRequest {
  readonly call: Call;
  /** The config's own when absent. */
  readonly datacenter?: string | undefined;
  /** The agent answers for itself, whatever the datacenter. */
  readonly isAgents?: boolean;
}

/** How a question is asked. */
export interface AskOptions {
  readonly config: ConsulConfig;
  /** The index last seen; 0 answers at once. */
  readonly index: bigint;
  /** How long Consul may hold the question while there is nothing newer. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** A body as Consul sent it; `undefined` when there is no such key (404). */
export interface RawAnswer {
  readonly headers: HttpReply["headers"];
  readonly body: Buffer | undefined;
}

/**
 * Asks Consul one question, once. An answer staler than the config allows is read again from the leader.
 *
 * @throws the signal's reason once aborted, else {AppError} CONSUL or CONSUL_REFUSED with the status and Consul's own words
 */
export async function requestConsul(
  client: ConsulClient,
  question: ConsulRequest,
  options: AskOptions,
): Promise<RawAnswer> {
  const { config } = options;
  const first = await ask(client, question, { ...options, consistency: config.consistency });
  if (config.consistency !== "stale" || staleMs(first) <= config.maxStale) return first;
  return await ask(client, question, { ...options, index: 0n, consistency: "default" });
}

async function ask(
  client: ConsulClient,
  question: ConsulRequest,
  options: AskOptions & { readonly consistency: ConsulConfig["consistency"] },
): Promise<RawAnswer> {
  const { config, index, waitMs, signal } = options;
  const withinMs = index === 0n ? AT_ONCE_MS : waitMs + waitMs * JITTER_SHARE + MARGIN_MS;
  let reply: HttpReply;
  try {
    reply = await client.get(question.call, {
      options: commonOptions(question, options),
      withinMs,
      signal,
    });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    throw cannotAsk(config, { reason: reasonOf(cause), cause });
  }
  const { status, headers, body } = reply;
  if (status === 200) return { headers, body };
  // Of a key that is not there. Any other 404 comes from somebody else.
  if (status === 404 && "x-consul-index" in headers) return { headers, body: undefined };
  throw cannotAsk(config, { status, reason: body.toString("utf8", 0, 500).trim() });
}

function commonOptions(
  { datacenter, isAgents = false }: ConsulRequest,
  {
    config,
    index,
    waitMs,
    consistency,
  }: AskOptions & { readonly consistency: ConsulConfig["consistency"] },
): Omit<CommonOptions, "ctx" | "token"> {
  const dc = isAgents ? undefined : (datacenter ?? config.datacenter);
  return {
    ...(dc === undefined ? {} : { dc }),
    ...(config.partition === undefined ? {} : { partition: config.partition }),
    ...(consistency === "default" ? {} : { [consistency]: true }),
    ...(index === 0n ? {} : { index: String(index), wait: `${waitMs}ms` }),
  };
}

/** The answer's index. @throws {AppError} CONSUL when it has none: then it does not come from Consul. */
export function indexOf({ headers }: RawAnswer): bigint {
  const header = headers["x-consul-index"];
  const index = typeof header === "string" && /^\d+$/.test(header) ? BigInt(header) : 0n;
  if (index > 0n) return index;
  throw new AppError(
    "CONSUL",
    `Cannot use Consul's answer as its X-Consul-Index is ${String(header ?? "missing")}`,
    { hint: "See that consul.address is a Consul agent, and what stands between" },
  );
}

/** The answer's JSON; `undefined` when there is no such thing. @throws {AppError} CONSUL */
export function jsonOf({ body }: RawAnswer): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new AppError("CONSUL", "Cannot use Consul's answer as it is not JSON", {
      hint: "See that consul.address is a Consul agent, and what stands between",
    });
  }
}

const staleMs = ({ headers }: RawAnswer): number => Number(headers["x-consul-lastcontact"] ?? 0);

function reasonOf(cause: unknown): string {
  const { code } = cause as { readonly code?: string };
  // The package puts its name in front, and in some methods theirs.
  const message = messageOf(cause).replace(/^consul: (?:[a-z.]+: )?/i, "");
  return code === undefined || message.includes(code) ? message : `${code} ${message}`;
}

function cannotAsk(
  config: ConsulConfig,
  {
    status,
    reason,
    cause,
  }: { readonly status?: number; readonly reason: string; readonly cause?: unknown },
): AppError {
  const where = config.address.replace(/\/\/[^@/]*@/, "//");
  return new AppError(
    isRefusal(status, reason) ? "CONSUL_REFUSED" : "CONSUL",
    `Cannot ask Consul at ${where}: ${status === undefined ? "" : `${status} `}${reason}`,
    { hint: hintFor(status, reason), cause },
  );
}

/** Of one question, which other questions do not share: forbidden, malformed, or about a datacenter that is not known. */
const isRefusal = (status: number | undefined, reason: string): boolean =>
  status === 400 || status === 403 || (status === 500 && reason.includes("No path to datacenter"));

function hintFor(status: number | undefined, reason: string): string {
  if (status === 404) return "See that consul.address is a Consul agent, and what stands between";
  if (status === 403) return "Give consul.token the policy to read services, nodes and keys";
  if (status === 429)
    return "Raise limits.http_max_conns_per_client of the agent, or lower consul.maxConnections";
  if (reason.includes("is larger than"))
    return "Ask for less in the templates: a narrower key prefix, or fewer services";
  if (status === undefined)
    return "See that the Consul agent runs and that consul.address names it";
  return "See the Consul agent's log";
}
