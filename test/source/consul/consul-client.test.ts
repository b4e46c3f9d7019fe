import { createServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { consulSchema } from "../../../src/config/consul-schema.ts";
import type { AppError } from "../../../src/errors.ts";
import { requestFor } from "../../../src/source/consul/api-requests.ts";
import { createConsulClient } from "../../../src/source/consul/consul-client.ts";
import {
  type ConsulRequest,
  indexOf,
  type RequestOptions,
  requestConsul,
} from "../../../src/source/consul/consul-request.ts";
import { readQuery } from "../../../src/source/consul/read-query.ts";
import { freePort } from "../../helpers/free-port.ts";
import { until } from "../../helpers/until.ts";

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

test("names one outage in the same words, whatever the request", async () => {
  const where = `127.0.0.1:${await freePort()}`;
  const { ask } = client(`http://${where}`);
  const reasons = [SERVICES, KEY].map(
    async (what) => await ask(what).catch((error: Error) => error.message),
  );
  expect(new Set(await Promise.all(reasons))).toEqual(
    new Set([`Cannot ask Consul at http://${where}: connect ECONNREFUSED ${where}`]),
  );
});

test("an answer that breaks off fails, also when it is that of a key", async () => {
  const connections = await serve(() => "half");
  const { ask } = client(connections.address);
  for (const what of [SERVICES, KEY]) {
    await expect(ask(what)).rejects.toMatchObject({
      message: expect.stringContaining("the answer broke off"),
    });
  }
});

describe("a read through the consul package", () => {
  test("asks again when the idle connection that it got is closed", async () => {
    const connections = await serve((request) => (request === 1 ? "list" : "reset"));
    const { datacenters } = client(connections.address);
    expect(await datacenters()).toEqual(["dc1"]);
    expect(await datacenters()).toEqual(["dc1"]);
    expect(connections.count()).toBe(2);
  });

  test("names a refusal and a closed port in the words of any other request", async () => {
    const refusing = await serve(() => "refuse");
    const where = `127.0.0.1:${await freePort()}`;
    for (const address of [refusing.address, `http://${where}`]) {
      const { ask, datacenters } = client(address);
      const failures = [ask(SERVICES), datacenters()].map(
        async (read) => await read.catch(({ code, message }: AppError) => ({ code, message })),
      );
      const [one, other] = await Promise.all(failures);
      expect(other).toEqual(one);
    }
  });

  test("ends with its signal, and is reached at an IPv6 address", async () => {
    const silent = await serve(() => "silence", "::1");
    const ending = new AbortController();
    const { datacenters } = client(silent.address, ending.signal);
    const read = datacenters();
    await until("the request has arrived", () => silent.count() === 1);
    ending.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
  });
});

const SERVICES = requestFor({ kind: "services" });
const KEY = requestFor({ kind: "key", key: "a/b" });

const REFUSAL =
  "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 17\r\n\r\nPermission denied";
const HEAD = "HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Type: application/json\r\n";

/** Does to the nth request on each connection what `what` returns for it. */
async function serve(
  what: (request: number) => "answer" | "half" | "list" | "refuse" | "reset" | "silence",
  host = "127.0.0.1",
) {
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
      else if (result === "list") socket.write(`${HEAD}Content-Length: 7\r\n\r\n["dc1"]`);
      else if (result === "refuse") socket.write(REFUSAL);
      else if (result === "answer") socket.write(`${HEAD}Content-Length: 2\r\n\r\n{}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address() as { readonly port: number };
  const name = host.includes(":") ? `[${host}]` : host;
  return { address: `http://${name}:${address.port}`, count: () => sockets.size };
}

function client(address: string, signal = new AbortController().signal) {
  const config = consulSchema.parse({ address });
  const consul = createConsulClient(config);
  onTestFinished(() => consul.destroy());
  const options: RequestOptions = {
    config,
    index: 0n,
    waitMs: 1_000,
    signal,
  };
  return {
    datacenters: async () =>
      (await readQuery(consul, { kind: "datacenters" }, options)).value as readonly string[],
    ask: async (what: ConsulRequest) => indexOf(await requestConsul(consul, what, options)),
  };
}
