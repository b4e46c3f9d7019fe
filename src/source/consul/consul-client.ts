import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import Consul from "consul";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";

/** The npm client over one keep-alive agent of at most `maxConnections` sockets. */
export interface ConsulClient {
  readonly api: Consul;
  /** The ACL token to send now: a token file is read again each time, so that it may rotate. */
  token(): Promise<string | undefined>;
  /** Closes all sockets. */
  destroy(): void;
}

/** @throws {AppError} CONSUL when a TLS file cannot be read. */
export function createConsulClient(config: ConsulConfig): ConsulClient {
  const address = new URL(config.address);
  const unixSocket = address.protocol === "unix:" ? address.pathname : undefined;
  const agent = createAgent(config, address.protocol === "https:");
  const options = {
    baseUrl: unixSocket === undefined ? apiUrl(address) : "http://localhost/v1",
    agent,
    headers: headersOf(config, address),
    ...(unixSocket === undefined ? {} : { socketPath: unixSocket }),
  };
  const api = new Consul(options);
  return {
    api,
    destroy: () => agent.destroy(),
    token: async () =>
      config.token || (config.tokenFile && (await readToken(config.tokenFile))) || undefined,
  };
}

/** A path in the address is kept: Consul may stand behind a reverse proxy. */
function apiUrl(address: URL): string {
  return `${address.protocol}//${address.host}${address.pathname.replace(/\/+$/, "")}/v1`;
}

function headersOf(config: ConsulConfig, address: URL): Record<string, string> {
  const auth =
    config.auth ??
    (address.username === ""
      ? undefined
      : `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`);
  return {
    "user-agent": "fairlead",
    ...(auth === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(auth).toString("base64")}` }),
    // The npm client's methods do not know namespaces. Source: Consul API documentation, "Namespaces".
    ...(config.namespace === undefined ? {} : { "x-consul-namespace": config.namespace }),
  };
}

function createAgent(config: ConsulConfig, secure: boolean): http.Agent {
  const sockets = {
    keepAlive: true,
    maxSockets: config.maxConnections,
    scheduling: "lifo" as const,
  };
  if (!secure) return failBrokenAnswers(new http.Agent(sockets));
  const { tls } = config;
  return failBrokenAnswers(
    new https.Agent({
      ...sockets,
      rejectUnauthorized: tls.verify,
      ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
      ...(tls.caFile === undefined ? {} : { ca: readTlsFile("caFile", tls.caFile) }),
      ...(tls.certFile === undefined ? {} : { cert: readTlsFile("certFile", tls.certFile) }),
      ...(tls.keyFile === undefined ? {} : { key: readTlsFile("keyFile", tls.keyFile) }),
    }),
  );
}

/**
 * Makes an answer that breaks off in its body an error of its request.
 *
 * The npm client listens for the body's end only, and would wait until its timeout. The agent is the one
 * place that sees the request object.
 */
function failBrokenAnswers<A extends http.Agent>(agent: A): A {
  type AddRequest = (request: http.ClientRequest, options: unknown) => void;
  const inner = agent as unknown as { addRequest: AddRequest };
  const addRequest = inner.addRequest.bind(agent);
  inner.addRequest = (request, options) => {
    request.once("response", (response: http.IncomingMessage) => {
      response.once("close", () => {
        if (!response.complete) request.emit("error", new Error("the answer broke off"));
      });
    });
    addRequest(request, options);
  };
  return agent;
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

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new AppError("CONSUL", `Cannot read Consul's token file: ${messageOf(cause)}`, {
      hint: "Correct consul.tokenFile, or let this user read the file",
      cause,
    });
  }
}
