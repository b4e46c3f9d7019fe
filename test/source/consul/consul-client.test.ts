import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { consulSchema } from "../../../src/config/consul-schema.ts";
import { createConsulClient } from "../../../src/source/consul/consul-client.ts";
import {
  type AskOptions,
  type ConsulRequest,
  indexOf,
  requestConsul,
} from "../../../src/source/consul/consul-request.ts";
import { questionOf } from "../../../src/source/consul/read-query.ts";
import { freePort } from "../../helpers/free-port.ts";

test("asks again when the idle connection that it got is closed", async () => {
  const connections = await serve((request) => (request === 1 ? "answer" : "reset"));
  const { ask } = client(connections.address);
  expect(await ask(SERVICES)).toBe(7n);
  expect(await ask(SERVICES)).toBe(7n);
  expect(connections.count()).toBe(2);
});

test("does not ask again on a connection that is new", async () => {
  const connections = await serve(() => "reset");
  const { ask } = client(connections.address);
  await expect(ask(SERVICES)).rejects.toMatchObject({ code: "CONSUL" });
  expect(connections.count()).toBe(1);
});

test("tells one outage in the same words, whatever was asked", async () => {
  const where = `127.0.0.1:${await freePort()}`;
  const { ask } = client(`http://${where}`);
  const reasons = [SERVICES, KEY].map(
    async (question) => await ask(question).catch((error: Error) => error.message),
  );
  expect(new Set(await Promise.all(reasons))).toEqual(
    new Set([`Cannot ask Consul at http://${where}: connect ECONNREFUSED ${where}`]),
  );
});

test("an answer that breaks off fails, also when it is that of a key", async () => {
  const connections = await serve(() => "half");
  const { ask } = client(connections.address);
  for (const question of [SERVICES, KEY]) {
    await expect(ask(question)).rejects.toMatchObject({
      message: expect.stringContaining("the answer broke off"),
    });
  }
});

const SERVICES = questionOf({ kind: "services" });
const KEY = questionOf({ kind: "key", key: "a/b" });

const HEAD = "HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Type: application/json\r\n";

/** Does to the nth request on each connection what it is told. */
async function serve(what: (request: number) => "answer" | "half" | "reset") {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let requests = 0;
    socket.on("error", () => undefined); // the other end may be gone first
    socket.on("data", () => {
      requests += 1;
      const result = what(requests);
      if (result === "reset") socket.resetAndDestroy();
      else if (result === "half") socket.end(`${HEAD}Content-Length: 9\r\n\r\n[`);
      else socket.write(`${HEAD}Content-Length: 2\r\n\r\n{}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address() as { readonly port: number };
  return { address: `http://127.0.0.1:${address.port}`, count: () => sockets.size };
}

function client(address: string) {
  const config = consulSchema.parse({ address });
  const consul = createConsulClient(config);
  onTestFinished(() => consul.destroy());
  const options: AskOptions = {
    config,
    index: 0n,
    waitMs: 1_000,
    signal: new AbortController().signal,
  };
  return {
    ask: async (question: ConsulRequest) => indexOf(await requestConsul(consul, question, options)),
  };
}
