import http from "node:http";
import { request } from "../helpers/request.ts";

/** Thousands of services in a real Consul, whose changes cost little to make: nodes of the catalog, no agents. */
export interface LargeCatalog {
  setHealth(at: Place, status: "passing" | "critical"): Promise<void>;
  /** Registers an instance with a passing check, in one transaction as an agent does. */
  register(at: Place): Promise<void>;
  deregister(at: Place): Promise<void>;
  /** Changes nothing but meta. */
  setMeta(at: Place, meta: Readonly<Record<string, string>>): Promise<void>;
}

/** An instance: the number of its service, and its own among that service's. */
export interface Place {
  readonly service: number;
  readonly instance: number;
}

export const serviceName = (service: number): string => `svc-${String(service).padStart(4, "0")}`;

const NODES = 30;
/** As many as Consul takes in a transaction. */
const OPERATIONS = 64;

/** Registers `services` × `instances`, all passing. */
export async function largeCatalog(
  consul: string,
  { services, instances }: { readonly services: number; readonly instances: number },
): Promise<LargeCatalog> {
  const agent = new http.Agent({ keepAlive: true });
  const nodes = Array.from({ length: NODES }, (_, i) => ({
    Node: { Verb: "set", Node: { Node: nodeName(i), Address: `10.9.0.${i}` } },
  }));
  await commit(nodes);
  let operations: object[] = [];
  for (let service = 0; service < services; service += 1) {
    for (let instance = 0; instance < instances; instance += 1) {
      operations.push(...registration({ service, instance }));
    }
    if (operations.length + 2 * instances <= OPERATIONS && service < services - 1) continue;
    await commit(operations);
    operations = [];
  }

  return {
    setHealth: async (at, status) => await commit([check(at, status)]),
    register: async (at) => await commit(registration(at)),
    setMeta: async (at, meta) => await commit([definition(at, "set", meta)]),
    deregister: async (at) => await commit([definition(at, "delete")]),
  };

  async function commit(body: readonly object[]): Promise<void> {
    const options = { method: "PUT", body: JSON.stringify(body), agent };
    const reply = await request(`${consul}/v1/txn`, options);
    if (reply.status !== 200) throw new Error(`Consul answers ${reply.status} ${reply.body}`);
  }
}

const registration = (at: Place): readonly object[] => [
  definition(at, "set"),
  check(at, "passing"),
];

const definition = (
  at: Place,
  verb: "set" | "delete",
  meta: Readonly<Record<string, string>> = {},
): object => ({
  Service: {
    Verb: verb,
    Node: nodeOf(at),
    Service: {
      ID: idOf(at),
      Service: serviceName(at.service),
      Address: "127.0.0.1",
      Port: 10_000 + ((at.service * 7 + at.instance) % 50_000),
      Tags: ["v1"],
      Meta: meta,
    },
  },
});

const check = (at: Place, status: "passing" | "critical"): object => ({
  Check: {
    Verb: "set",
    Check: {
      Node: nodeOf(at),
      CheckID: `service:${idOf(at)}`,
      Name: "works",
      Status: status,
      ServiceID: idOf(at),
      ServiceName: serviceName(at.service),
    },
  },
});

const idOf = ({ service, instance }: Place): string => `${serviceName(service)}-${instance}`;
const nodeOf = ({ service, instance }: Place): string => nodeName((service + instance * 7) % NODES);
const nodeName = (node: number): string => `node-${node}`;
