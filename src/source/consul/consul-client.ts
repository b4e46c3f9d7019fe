import { EventEmitter } from "node:events";
import type http from "node:http";
import type https from "node:https";
import Consul from "consul";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import { createConsulAgent, currentToken, serverOf } from "./consul-connection.ts";
import { type HttpReply, httpGet } from "./http-get.ts";

/** Query parameters of Consul's HTTP API. */
export type Parameters = Readonly<Record<string, string>>;

/** Consul's HTTP API over one keep-alive agent of at most `maxConnections` sockets. */
export interface ConsulClient {
  /**
   * Sends one GET, with the ACL token as it is now: a token file is read again each time, so that the token may rotate.
   *
   * @param path below `/v1`, encoded
   * @throws {AppError} CONSUL when the token file cannot be read, else what {@link httpGet} throws
   */
  get(path: string, options: GetOptions): Promise<HttpReply>;
  /**
   * Calls a method of the `consul` package. It suits answers that the agent gives at once and keeps small, as it reads a
   * body of any size and shows no header.
   *
   * @throws {AppError} CONSUL when the token file cannot be read, else what the package throws
   */
  call<T>(method: PackageMethod<T>, options: GetOptions): Promise<T>;
  /** Closes all sockets. */
  destroy(): void;
}

/** Calls one method of the `consul` package with the options that all its methods take. */
export type PackageMethod<T> = (consul: Consul, options: object) => Promise<T>;

interface GetOptions {
  readonly parameters: Parameters;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** The longest answer that is read: far beyond the list of all checks of 50,000 instances. */
const MOST_BYTES = 64 * 1024 * 1024;

/** @throws {AppError} CONSUL when a TLS file cannot be read. */
export function createConsulClient(config: ConsulConfig, mostBytes = MOST_BYTES): ConsulClient {
  const { server, prefix, headers } = serverOf(config);
  const agent = createConsulAgent(config);
  const consul = openPackage({ server, prefix, headers, agent });
  return {
    destroy: () => agent.destroy(),
    async get(path, { parameters, ...bounds }) {
      const token = await currentToken(config);
      const search = new URLSearchParams(parameters).toString();
      const request = {
        ...server,
        agent,
        path: `${prefix}/v1${path}${search === "" ? "" : `?${search}`}`,
        headers: token === undefined ? headers : { ...headers, "x-consul-token": token },
      };
      return await httpGet(request, { ...bounds, mostBytes });
    },
    async call(method, { parameters, withinMs, signal }) {
      const token = await currentToken(config);
      signal.throwIfAborted();
      const ctx = new EventEmitter();
      const cancel = () => void ctx.emit("cancel");
      signal.addEventListener("abort", cancel, { once: true });
      // Source: the package's README, "Common Method Call Options".
      const own = { ctx, timeout: withinMs, ...(token === undefined ? {} : { token }) };
      try {
        return await withOneRetry(() => method(consul, { ...parameters, ...own }));
      } finally {
        signal.removeEventListener("abort", cancel);
      }
    },
  };
}

/** The package does not show whether a connection that was reset had been idle, so each reset is tried once more. */
async function withOneRetry<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    return await read();
  }
}

function openPackage({
  server,
  prefix,
  headers,
  agent,
}: {
  readonly server: https.RequestOptions;
  readonly prefix: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: http.Agent | https.Agent;
}): Consul {
  const { protocol, socketPath, hostname, port } = server;
  const host = hostname?.includes(":") ? `[${hostname}]` : (hostname ?? "localhost");
  const options = {
    baseUrl: `${protocol}//${host}${port ? `:${port}` : ""}${prefix}/v1`,
    headers,
    agent,
    ...(socketPath ? { socketPath } : {}),
  };
  return new Consul(options);
}
