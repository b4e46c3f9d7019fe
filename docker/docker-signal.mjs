#!/usr/bin/env node
/*
 * A proxy for Docker's API that passes one kind of request on: a signal to a named container.
 * Whoever reaches Docker's own socket is root on the machine; whoever reaches this one can reload nginx.
 *
 *   CONTAINERS     names of the containers, with commas                    nginx
 *   SIGNALS        signals, with commas                                    HUP
 *   LISTEN         socket to create, or host:port                          /run/docker-signal/docker.sock
 *   DOCKER_SOCKET  Docker's own socket                                     /var/run/docker.sock
 *
 * With --check its exit code shows whether another one listens there, and it does nothing else.
 *
 * Every user who can reach the socket may use it: share its directory with Fairlead's container only.
 */
import { chmodSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";

/** How long requests under way may take after the signal to end. */
const END_MS = 5_000;

const list = (text) => text.split(",").filter(Boolean);
const containers = list(process.env.CONTAINERS ?? "nginx");
const signals = list(process.env.SIGNALS ?? "HUP");
const listen = process.env.LISTEN ?? "/run/docker-signal/docker.sock";
const dockerSocket = process.env.DOCKER_SOCKET ?? "/var/run/docker.sock";

const [port, host] = listen.split(":").toReversed();
const where = listen.startsWith("/") ? { path: listen } : { host, port: Number(port) };

if (process.argv.includes("--check")) {
  net
    .connect(where, () => process.exit(0))
    .on("error", ({ message }) => {
      console.log(message);
      process.exit(1);
    });
} else serve();

function serve() {
  if (where.path !== undefined) rmSync(where.path, { force: true }); // left by one that was killed
  const server = http.createServer(passOn);
  server.listen(where, () => {
    if (where.path !== undefined) chmodSync(where.path, 0o666);
    console.log(JSON.stringify({ listen, containers, signals }));
  });
  server.on("error", (error) => {
    console.error(`Cannot listen on ${listen}: ${error.message}`);
    process.exit(1);
  });
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      server.close(() => process.exit(0)).closeIdleConnections();
      setTimeout(() => process.exit(0), END_MS);
    });
  }
}

function passOn(request, response) {
  request.resume();
  const path = request.method === "POST" ? allowedPath(request.url ?? "") : undefined;
  if (path === undefined) {
    say(request, 403);
    return answer(
      response,
      403,
      `only POST /containers/${containers[0]}/kill?signal=${signals[0]} and its like are allowed here`,
    );
  }
  const onward = http.request(
    { socketPath: dockerSocket, method: "POST", path, timeout: 30_000 },
    (reply) => {
      say(request, reply.statusCode);
      response.writeHead(reply.statusCode ?? 502, { "content-type": "application/json" });
      reply.pipe(response);
    },
  );
  onward.on("timeout", () => onward.destroy(new Error("no answer within 30 s")));
  onward.on("error", (error) => {
    say(request, 502);
    answer(response, 502, `Docker does not answer at ${dockerSocket}: ${error.message}`);
  });
  onward.end();
}

/** The path that is sent to Docker: only a listed container and a listed signal get into it. */
function allowedPath(url) {
  const [, container, signal] =
    /^(?:\/v\d+\.\d+)?\/containers\/([\w.-]+)\/kill\?signal=(\w+)$/.exec(url) ?? [];
  if (!containers.includes(container) || !signals.includes(signal)) return undefined;
  return `/containers/${container}/kill?signal=${signal}`;
}

function answer(response, status, message) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify({ message })}\n`);
}

function say({ method, url }, status) {
  console.log(JSON.stringify({ time: new Date().toISOString(), method, url, status }));
}
