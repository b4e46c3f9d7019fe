import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import { type HttpGet, type HttpReply, httpGet } from "./http-get.ts";

/** Consul's HTTP API over one keep-alive agent of at most `maxConnections` sockets. */
export interface ConsulClient {
  /**
   * Sends one GET with the ACL token of the moment: a token file is read again each time, so that it may rotate.
   *
   * @param path below the address, such as `/v1/catalog/nodes`
   * @throws {AppError} CONSUL when the token file cannot be read, else what {@link httpGet} throws
   */
  get(
    path: string,
    options: { readonly withinMs: number; readonly signal: AbortSignal },
  ): Promise<HttpReply>;
  /** Closes all sockets. */
  destroy(): void;
}

/** The longest answer that is read: far beyond the list of all checks of 50,000 instances. */
const MOST_BYTES = 64 * 1024 * 1024;
/**
 * How long a silent connection may be before the kernel asks whether the other end is still there: one that was started anew
 * says no, and then a change is seen within 5 s of its return.
 */
const ASK_PEER_AFTER_MS = 3_000;

/** @throws {AppError} CONSUL when a TLS file cannot be read. */
export function createConsulClient(config: ConsulConfig, mostBytes = MOST_BYTES): ConsulClient {
  const address = new URL(config.address);
  const agent = createAgent(config, address.protocol === "https:");
  const target: HttpGet["target"] = {
    agent,
    // A path in the address is kept: Consul may stand behind a reverse proxy.
    basePath: address.protocol === "unix:" ? "" : address.pathname.replace(/\/+$/, ""),
    ...(address.protocol === "unix:"
      ? { socketPath: address.pathname }
      : {
          protocol: address.protocol,
          host: address.hostname.replace(/^\[|\]$/g, ""),
          port: address.port,
        }),
  };
  const headers = headersOf(config, address);
  return {
    destroy: () => agent.destroy(),
    async get(path, { withinMs, signal }) {
      const token = await currentToken(config);
      return await httpGet({
        target,
        path,
        headers: token === undefined ? headers : { ...headers, "x-consul-token": token },
        withinMs,
        mostBytes,
        signal,
      });
    },
  };
}

function headersOf(config: ConsulConfig, address: URL): Readonly<Record<string, string>> {
  const auth =
    config.auth ??
    (address.username === ""
      ? undefined
      : `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`);
  return {
    "user-agent": "fairlead",
    accept: "application/json",
    ...(auth === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(auth).toString("base64")}` }),
    // Source: Consul API documentation, "Namespaces".
    ...(config.namespace === undefined ? {} : { "x-consul-namespace": config.namespace }),
  };
}

function createAgent(config: ConsulConfig, secure: boolean): http.Agent {
  const sockets = {
    keepAlive: true,
    keepAliveInitialDelay: ASK_PEER_AFTER_MS,
    maxSockets: config.maxConnections,
    scheduling: "lifo" as const,
  };
  if (!secure) return new http.Agent(sockets);
  const { tls } = config;
  return new https.Agent({
    ...sockets,
    rejectUnauthorized: tls.verify,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.caFile === undefined ? {} : { ca: readTlsFile("caFile", tls.caFile) }),
    ...(tls.certFile === undefined ? {} : { cert: readTlsFile("certFile", tls.certFile) }),
    ...(tls.keyFile === undefined ? {} : { key: readTlsFile("keyFile", tls.keyFile) }),
  });
}

function readTlsFile(key: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new AppError(
      "CONSUL",
      `Cannot speak TLS with Consul as ${key} is not readable: ${messageOf(cause)}`,
      {
        hint: `Correct consul.tls.${key}, or let this user read the file`,
        cause,
      },
    );
  }
}

async function currentToken(config: ConsulConfig): Promise<string | undefined> {
  if (config.token) return config.token;
  if (config.tokenFile === undefined) return undefined;
  try {
    return (await readFile(config.tokenFile, "utf8")).trim() || undefined;
  } catch (cause) {
    throw new AppError("CONSUL", `Cannot read Consul's token file: ${messageOf(cause)}`, {
      hint: "Correct consul.tokenFile, or let this user read the file",
      cause,
    });
  }
}
