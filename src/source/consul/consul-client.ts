import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import Consul from "consul";
import type { ConsulConfig } from "../../config/consul-schema.ts";
import { AppError, messageOf } from "../../errors.ts";
import { type Context, type HttpReply, noteReuse, readReply } from "./read-reply.ts";

/** What a method of the `consul` package takes beside its own options. Source: its README, "Common Method Call Options". */
export interface CommonOptions {
  readonly ctx: Context;
  readonly token?: string;
  readonly dc?: string;
  readonly partition?: string;
  readonly stale?: boolean;
  readonly consistent?: boolean;
  readonly index?: string;
  readonly wait?: string;
}

/** Calls one plain method of the `consul` package. Its result is not used: the answer is read as it comes. */
export type Call = (consul: Client, options: CommonOptions) => Promise<unknown>;

/** The `consul` package's client, with what it inherits. Source: papi's README, "Client Methods", "Extensions". */
type Client = Consul & {
  _get(request: ApiRequest): Promise<unknown>;
  _ext(
    event: "onCreate" | "onRequest",
    extend: (request: PendingRequest, next: () => void) => void,
  ): void;
};

interface ApiRequest {
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ctx?: Context | undefined;
}

/** One request on its way through the package. */
interface PendingRequest {
  readonly opts: { readonly name?: string; pipe?: Context["body"] };
  readonly ctx: Context;
  /** What `http.request()` will be given. */
  readonly req: { hostname?: string; path: string };
}

/** Consul's HTTP API over one keep-alive agent of at most `maxConnections` sockets. */
export interface ConsulClient {
  /**
   * Sends one GET with the ACL token of the moment: a token file is read again each time, so that it may rotate.
   *
   * @throws {AppError} CONSUL when the token file cannot be read, else what {@context readReply} throws
   */
  get(call: Call, options: GetOptions): Promise<HttpReply>;
  /** Closes all sockets. */
  destroy(): void;
}

interface GetOptions {
  readonly options: Omit<CommonOptions, "ctx" | "token">;
  readonly withinMs: number;
  readonly signal: AbortSignal;
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
  const consul = openClient(config);
  return {
    destroy: () => consul.destroy(),
    async get(call, { options, ...bounds }) {
      const token = await currentToken(config);
      const own = token === undefined ? options : { ...options, token };
      return await readReply((ctx) => call(consul, { ...own, ctx }), { ...bounds, mostBytes });
    },
  };
}

/** Asks what the package has no method for, with the options that its methods take. */
export function otherCall(
  path: string,
  params: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, string>> = {},
): Call {
  return (consul, { ctx, token, ...common }) =>
    consul._get({
      path,
      params,
      query: { ...query, ...common },
      headers: token === undefined ? {} : { "x-consul-token": token },
      ctx,
    });
}

function openClient(config: ConsulConfig): Client {
  const address = new URL(config.address);
  const isSocket = address.protocol === "unix:";
  const options = {
    // A path in the address is kept: Consul may stand behind a reverse proxy.
    baseUrl: isSocket
      ? "http://localhost/v1"
      : `${address.protocol}//${address.host}${address.pathname.replace(/\/+$/, "")}/v1`,
    ...(isSocket ? { socketPath: address.pathname } : {}),
    agent: createAgent(config, address.protocol === "https:"),
    headers: headersOf(config, address),
  };
  const consul = new Consul(options) as Client;
  consul._ext("onCreate", ({ opts, ctx }, next) => {
    opts.pipe = ctx.body;
    next();
  });
  consul._ext("onRequest", ({ opts, req }, next) => {
    // Of an IPv6 address the package keeps the brackets.
    if (req.hostname !== undefined) req.hostname = req.hostname.replace(/^\[|\]$/g, "");
    if (opts.name === "kv.get") req.path = withSlashes(req.path);
    next();
  });
  return consul;
}

/** Of a key the package encodes the slashes too, which a gateway before Consul may refuse. */
const withSlashes = (path: string): string =>
  path.replace(/(?<=\/v1\/kv\/)[^?]*/, (key) => key.replaceAll("%2F", "/"));

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
  if (!secure) return noteReuse(new http.Agent(sockets));
  const { tls } = config;
  const agent = new https.Agent({
    ...sockets,
    rejectUnauthorized: tls.verify,
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    ...(tls.caFile === undefined ? {} : { ca: readTlsFile("caFile", tls.caFile) }),
    ...(tls.certFile === undefined ? {} : { cert: readTlsFile("certFile", tls.certFile) }),
    ...(tls.keyFile === undefined ? {} : { key: readTlsFile("keyFile", tls.keyFile) }),
  });
  return noteReuse(agent);
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
