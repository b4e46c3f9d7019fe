import { createHash } from "node:crypto";
import { createServer } from "node:net";

/*
 * Ports below the range from which the kernel gives out ports to outgoing connections. Each test process
 * walks a part of its own, so that two of them do not find the same port free at once; so do the runs of
 * two checkouts on one machine.
 */
const FIRST = 20_000;
const PART = 250;
const PARTS = 48;
const checkout = createHash("sha256").update(process.cwd()).digest().readUInt16BE();
const part = (Number(process.env["VITEST_POOL_ID"] ?? process.pid) + 4 * checkout) % PARTS;
let next = Math.floor(Math.random() * PART);

/** A TCP port of the loopback address that nobody listens on, never the same twice. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PART; tries += 1) {
    const port = FIRST + part * PART + (next++ % PART);
    if (await isFree(port)) return port;
  }
  throw new Error(`all ports from ${FIRST + part * PART} on are taken`);
}

/** Several of them. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
