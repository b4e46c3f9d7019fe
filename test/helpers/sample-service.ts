import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** A small HTTP service that says who it is and what it was asked. */
export interface SampleService {
  readonly name: string;
  readonly port: number;
  /** Requests answered so far, without health checks. */
  requests(): number;
  /** Whether `/health` answers 200, or 503. */
  setHealthy(healthy: boolean): void;
  stop(): Promise<void>;
}

/** What it answers, as JSON. */
export interface SampleAnswer {
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Starts it. `GET /health` is its health check; `PUT /health/up` and `/health/down` switch that;
 * `/status/500` answers that status; `/cached` may be cached for a minute, `/cached/5` for five seconds; a websocket
 * echoes.
 */
export async function startSampleService(
  name: string,
  options: { readonly port?: number } = {},
): Promise<SampleService> {
  let healthy = true;
  let requests = 0;
  const server = createServer((incoming, outgoing) => {
    if (incoming.url?.startsWith("/health")) return answerHealth(incoming, outgoing);
    requests += 1;
    answer(name, incoming, outgoing);
  });
  server.on("upgrade", echo);
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return {
    name,
    port: (server.address() as AddressInfo).port,
    requests: () => requests,
    setHealthy(to) {
      healthy = to;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  function answerHealth(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (incoming.method === "PUT") healthy = incoming.url === "/health/up";
    outgoing.writeHead(healthy ? 200 : 503, { "content-type": "text/plain" });
    outgoing.end(healthy ? "healthy\n" : "unhealthy\n");
  }
}

function answer(name: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const url = incoming.url ?? "/";
  const status = Number(/\/status\/(\d{3})/.exec(url)?.[1] ?? 200);
  const [, maxAgeSeconds = 60] = /\/cached(?:\/(\d+))?/.exec(url) ?? [];
  const caching = url.includes("/cached") ? `public, max-age=${maxAgeSeconds}` : "no-store";
  const body: SampleAnswer = {
    name,
    method: incoming.method ?? "",
    url,
    headers: incoming.headers as Record<string, string>,
  };
  outgoing.writeHead(status, { "content-type": "application/json", "cache-control": caching });
  outgoing.end(`${JSON.stringify(body)}\n`);
}

/** RFC 6455, section 4.2.2: the handshake; afterwards every byte comes back as it came. */
function echo(incoming: IncomingMessage, socket: Duplex): void {
  const key = `${incoming.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
}
