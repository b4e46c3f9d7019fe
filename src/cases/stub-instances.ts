import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Instance } from "../catalog/instance.ts";
import type { AnswerValue } from "../catalog/query.ts";
import type { Catalog } from "../source/file/catalog-file.ts";

/** HTTP servers in place of the instances of a catalog. */
export interface StubInstances {
  /** The catalog with the stubs' addresses. */
  readonly catalog: Catalog;
  stop(): void;
}

/** The JSON that a stub answers to every request. */
export interface StubResponse {
  readonly service: string;
  readonly instance: string;
  /** Path and query as they arrived at the stub. */
  readonly sees: string;
}

/** Starts an HTTP server on a loopback port of its own for each instance of a catalog. */
export async function startStubInstances(catalog: Catalog): Promise<StubInstances> {
  const servers = new Map<string, Server>();
  const recorded = [...catalog.answers.values()].flatMap(instancesIn);
  for (const instance of [...catalog.instances, ...recorded]) {
    const key = keyOf(instance);
    if (!servers.has(key)) servers.set(key, await startStub(instance));
  }
  return {
    catalog: {
      ...catalog,
      instances: catalog.instances.map(atStub),
      answers: new Map(
        [...catalog.answers].map(([query, value]) => [
          query,
          instancesIn(value).length > 0 ? instancesIn(value).map(atStub) : value,
        ]),
      ),
    },
    stop() {
      for (const server of servers.values()) {
        server.close();
        server.closeAllConnections();
      }
    },
  };

  function atStub(instance: Instance): Instance {
    const address = servers.get(keyOf(instance))?.address() as AddressInfo | undefined;
    return address === undefined
      ? instance
      : { ...instance, address: "127.0.0.1", port: address.port };
  }
}

const keyOf = ({ name, id, node, datacenter }: Instance): string =>
  JSON.stringify([name, id, node, datacenter]);

function instancesIn(value: AnswerValue): readonly Instance[] {
  const isInstance = (it: unknown): boolean =>
    typeof it === "object" && it !== null && "port" in it && "address" in it && "id" in it;
  return Array.isArray(value) && value.every(isInstance) ? (value as readonly Instance[]) : [];
}

async function startStub({ name, id }: Instance): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const answer: StubResponse = { service: name, instance: id, sees: incoming.url ?? "" };
    outgoing.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    outgoing.end(`${JSON.stringify(answer)}\n`);
  });
  return await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}
