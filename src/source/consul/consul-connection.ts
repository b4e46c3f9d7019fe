import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";

/** Where Consul listens, and what each request to it carries. */
export interface ConsulServer {
  readonly server: https.RequestOptions;
  /** The path in the address: Consul may stand behind a reverse proxy. */
  readonly prefix: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function serverOf(config: ConsulConfig): ConsulServer {
  const address = new URL(config.address);
  const headers = headersOf(config, address);
  if (address.protocol === "unix:") {
    return { server: { protocol: "http:", socketPath: address.pathname }, prefix: "", headers };
  }
  const { protocol, port } = address;
  const server = { protocol, hostname: withoutBrackets(address.hostname), port };
  return { server, prefix: address.pathname.replace(/\/+$/, ""), headers };
}

/** Of an IPv6 address. */
const withoutBrackets = (hostname: string): string => hostname.replace(/^\[|\]$/g, "");

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

/**
 * How long a connection may be silent before the kernel asks whether the other end is still there. One that was restarted
 * denies it, and then a change is seen within 5 s of its return.
 */
const PROBE_PEER_AFTER_MS = 3_000;

/** @throws {AppError} CONSUL when a TLS file cannot be read. */
export function createConsulAgent(config: ConsulConfig): http.Agent {
  const { protocol, hostname } = new URL(config.address);
  const sockets = {
    keepAlive: true,
    keepAliveInitialDelay: PROBE_PEER_AFTER_MS,
    maxSockets: config.maxConnections,
    scheduling: "lifo" as const,
    // The package would look up an IPv6 address with its brackets.
    ...(hostname.startsWith("[") ? { host: withoutBrackets(hostname) } : {}),
  };
  if (protocol !== "https:") return new http.Agent(sockets);
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
      { hint: `Correct consul.tls.${key}, or let this user read the file`, cause },
    );
  }
}

/** The ACL token as it is now. @throws {AppError} CONSUL when the token file cannot be read */
export async function currentToken(config: ConsulConfig): Promise<string | undefined> {
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
