import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { AppError, messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { RunningDaemon } from "./daemon.ts";
import { json, type Reply } from "./reply.ts";
import { routeRequest } from "./router.ts";

/** The HTTP server for operators, probes and Prometheus. */
export interface AdminServer {
  /** Closes it, with every open connection. */
  close(): Promise<void>;
}

export interface AdminServerOptions {
  readonly listen: string;
  readonly token: string | undefined;
  readonly daemon: RunningDaemon;
  /** Takes secrets out of an answer. */
  readonly redact: (text: string) => string;
  readonly log: Log;
}

/** No honest request needs more, and no slow one keeps a socket for long. */
const LIMITS = {
  maxHeaderSize: 8_192,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
} as const;
const MAX_CONNECTIONS = 100;
const MAX_BODY_BYTES = 16_384;
/**
 * How much of a body that is too long is read and discarded before the answer. A client that is still sending when the
 * connection closes gets an error instead of the answer.
 */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;

/**
 * Listens at the admin address.
 *
 * @throws {AppError} ADMIN when it cannot listen there
 */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const server = createServer(LIMITS, (incoming, outgoing) => {
    void respond(incoming, outgoing, options);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options.listen);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { daemon, token, redact, log }: AdminServerOptions,
): Promise<void> {
  const { method = "", url = "", headers } = incoming;
  const [path = ""] = url.split("?");
  try {
    const body = await readBody(incoming);
    if (incoming.destroyed && !incoming.complete) return; // the client has gone
    const reply =
      body === undefined
        ? json(413, {
            error: `Cannot read more than ${MAX_BODY_BYTES} bytes`,
            hint: "Send a command's JSON",
          })
        : await routeRequest({ method, path, headers, body }, { daemon, token });
    send(outgoing, reply, redact);
  } catch (error) {
    log.error({ err: error }, `Cannot answer ${method} at the admin address: ${messageOf(error)}`);
    const reply = { error: "Cannot answer as Fairlead has a bug", hint: "See the log" };
    send(outgoing, json(500, reply), redact);
  }
}

/** Returns `undefined` for a body that is too long, and keeps nothing of it. Returns "" when the connection breaks. */
function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
      else chunks.length = 0;
      if (bytes > MAX_DISCARDED_BYTES) resolve(undefined);
    });
    incoming.once("end", () => {
      resolve(bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString("utf8"));
    });
    incoming.once("close", () => resolve(""));
    incoming.once("error", () => resolve(""));
  });
}

function send(outgoing: ServerResponse, reply: Reply, redact: (text: string) => string): void {
  const body = redact(reply.body);
  outgoing.writeHead(reply.status, {
    "content-type": reply.type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(reply.status === 413 ? { connection: "close" } : {}),
    ...(reply.status === 401 ? { "www-authenticate": "Bearer" } : {}),
  });
  outgoing.end(body);
}

function listen(server: Server, address: string): Promise<void> {
  const split = address.lastIndexOf(":");
  const host = address.slice(0, split).replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new AppError("ADMIN", `Cannot listen at ${address} as ${messageOf(cause)}`, {
          hint: "Set admin.listen in the config to an address that is free, or to off",
          cause,
        }),
      );
    });
    server.listen({ host, port: Number(address.slice(split + 1)) }, resolve);
  });
}
