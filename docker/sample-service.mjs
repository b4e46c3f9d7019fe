#!/usr/bin/env node
/*
 * A sample service for demonstrations and tests: it registers itself in Consul, and its answers name the instance.
 *
 *   NAME      of the service                               sample
 *   CONSUL    Consul's address                             http://consul:8500
 *   ADDRESS   where others reach it                        this container's first address
 *   PORT      0 means any free port                        8080
 *   TAGS      of the service, with commas                  none
 *   CALLS     a URL that GET /calls requests and returns    none
 */
import http from "node:http";
import { hostname, networkInterfaces } from "node:os";

const {
  NAME: name = "sample",
  CONSUL: consul = "http://consul:8500",
  PORT = "8080",
  TAGS = "",
  CALLS,
} = process.env;
if (process.argv.includes("--check")) {
  const reply = await fetch(`http://127.0.0.1:${PORT}/health`).catch(() => undefined);
  process.exit(reply?.ok ? 0 : 1);
}

const server = http.createServer((request, response) => {
  if (request.url === "/health") response.end("healthy\n");
  else void answer(request, response);
});
await new Promise((resolve) => server.listen(Number(PORT), resolve));

async function answer(request, response) {
  response.setHeader("content-type", "application/json");
  response.setHeader(
    "cache-control",
    request.url?.includes("/cached") ? "public, max-age=60" : "no-store",
  );
  const delayMs = Number(/\/slow\/(\d+)/.exec(request.url)?.[1] ?? 0); // /slow/500 ends after half a second
  if (delayMs > 0) response.flushHeaders();
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  const body = { name, instance, url: request.url };
  if (request.url === "/calls" && CALLS) body.called = await (await fetch(CALLS)).json();
  response.end(`${JSON.stringify(body)}\n`);
}

const { port } = server.address();
const address =
  process.env.ADDRESS ??
  Object.values(networkInterfaces())
    .flat()
    .find((it) => it.family === "IPv4" && !it.internal)?.address ??
  "127.0.0.1";
const instance = `${name}-${hostname()}-${port}`;
console.log(JSON.stringify({ instance, address, port }));

const ask = (path, options = {}) =>
  fetch(`${consul}/v1/agent/${path}`, { ...options, signal: AbortSignal.timeout(2_000) }).catch(
    () => undefined,
  );

/** Registers this instance when Consul does not know it, such as after Consul lost its data. */
async function register() {
  const known = await ask(`service/${instance}`);
  if (known?.status !== 404) return;
  const reply = await ask("service/register", {
    method: "PUT",
    body: JSON.stringify({
      ID: instance,
      Name: name,
      Address: address,
      Port: port,
      Tags: TAGS.split(",").filter(Boolean),
      Check: {
        HTTP: `http://${address}:${port}/health`,
        Interval: "1s",
        Timeout: "1s",
        DeregisterCriticalServiceAfter: "1m",
      },
    }),
  });
  if (reply?.ok) console.log(JSON.stringify({ instance, registered: true }));
}
await register();
const registering = setInterval(() => void register(), 1_000);
process.once("SIGTERM", () => void leave());

/** Deregisters first, answers while the proxies still send requests, and ends then. */
async function leave() {
  clearInterval(registering);
  await ask(`service/deregister/${instance}`, { method: "PUT" });
  setTimeout(() => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  }, 3_000);
}
