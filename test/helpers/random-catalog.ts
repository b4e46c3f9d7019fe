import type { Instance, InstanceStatus } from "../../src/catalog/instance.ts";
import { request } from "./request.ts";

/** What Consul is expected to answer for an instance, without the index of its creation. */
type ExpectedInstance = Omit<Instance, "createIndex" | "datacenter">;

/** A catalog that changes at random, in a real Consul and in the test's own record. */
export interface RandomCatalog {
  readonly datacenter: string;
  readonly names: readonly string[];
  /** Makes so many random changes, in one transaction. */
  change(count: number): Promise<void>;
  /** Makes one change of this kind. */
  changeOne(kind: ChangeKind): Promise<void>;
  /** The instances of a service as Consul is expected to answer, in no order. */
  expected(name: string): readonly ExpectedInstance[];
}

export const CHANGE_KINDS = [
  "flip",
  "flip",
  "flip",
  "node-check",
  "register",
  "deregister",
  "meta",
  "tags",
  "weights",
  "address",
  "port",
  "maintenance",
  "add-check",
  "remove-check",
  "node-address",
  "node-meta",
] as const;
type ChangeKind = (typeof CHANGE_KINDS)[number];

/** `untold` is a check without a result so far: Consul begins with critical. */
type CheckState = "passing" | "warning" | "critical" | "untold";

interface Node {
  readonly name: string;
  address: string;
  meta: Record<string, string>;
  check: CheckState;
}

interface Service {
  readonly id: string;
  readonly name: string;
  readonly node: Node;
  address: string;
  port: number;
  tags: string[];
  meta: Record<string, string>;
  weights: { passing: number; warning: number };
  readonly checks: Map<string, CheckState>;
}

/** @param random gives numbers from 0 up to 1 */
export async function randomCatalog(
  consul: string,
  {
    random,
    services,
    nodes: nodeCount,
    datacenter = "dc1",
    prefix,
  }: {
    readonly random: () => number;
    readonly services: number;
    readonly nodes: number;
    /** That of the Consul at `consul`. */
    readonly datacenter?: string;
    readonly prefix: string;
  },
): Promise<RandomCatalog> {
  const names = Array.from({ length: services }, (_, i) => `${prefix}-${i}`);
  const nodes = Array.from({ length: nodeCount }, (_, i): Node => {
    return {
      name: `${prefix}-node-${i}`,
      address: `10.1.0.${i}`,
      meta: { rack: "a" },
      check: "passing",
    };
  });
  const all = new Map<string, Service>();
  let count = 0;
  let operations: object[] = [];
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const state = (): CheckState => pick(["passing", "passing", "warning", "critical"]);

  for (const node of nodes) setNode(node);
  await commit();
  for (const name of names) {
    for (let i = 0; i < 2; i += 1) register(name);
    if (operations.length > 40) await commit();
  }
  await commit();

  return {
    names,
    datacenter,
    async change(many) {
      for (let i = 0; i < many; i += 1) apply(pick(CHANGE_KINDS));
      await commit();
    },
    async changeOne(kind) {
      while (!apply(kind));
      await commit();
    },
    expected: (name) => [...all.values()].filter((it) => it.name === name).map(toExpected),
  };

  /** Whether there was something to change. */
  function apply(kind: ChangeKind): boolean {
    if (kind === "register") return register(pick(names));
    const node = pick(nodes);
    if (kind === "node-check") return setNode(Object.assign(node, { check: state() }));
    if (kind === "node-address")
      return setNode(Object.assign(node, { address: `10.2.0.${below(250)}` }));
    if (kind === "node-meta") return setNode(Object.assign(node, { meta: { rack: text() } }));
    const service = pick([...all.values()]);
    if (service === undefined) return false;
    switch (kind) {
      case "deregister":
        all.delete(service.id);
        operations.push({
          Service: {
            Verb: "delete",
            Node: service.node.name,
            Service: { ID: service.id, Service: service.name },
          },
        });
        return true;
      case "flip": {
        // Maintenance mode is critical, or is not there.
        const id = pick([...service.checks.keys()].filter((it) => !it.startsWith("_")));
        return id !== undefined && setCheck(service, id, state());
      }
      case "maintenance": {
        const id = `_service_maintenance:${service.id}`;
        return service.checks.has(id)
          ? removeCheck(service, id)
          : setCheck(service, id, "critical");
      }
      case "add-check": {
        const id = `extra:${service.id}`;
        return setCheck(service, id, service.checks.has(id) ? state() : pick([state(), "untold"]));
      }
      case "remove-check": {
        const id = `extra:${service.id}`;
        return service.checks.has(id) ? removeCheck(service, id) : setCheck(service, id, "passing");
      }
      case "meta":
        return setService(Object.assign(service, { meta: { m: text() } }));
      case "tags":
        return setService(Object.assign(service, { tags: [pick(["a", "b"]), text()] }));
      case "weights":
        return setService(
          Object.assign(service, { weights: { passing: 1 + below(9), warning: 1 + below(9) } }),
        );
      case "address":
        return setService(Object.assign(service, { address: pick(["", `10.3.0.${below(250)}`]) }));
      case "port":
        return setService(Object.assign(service, { port: 1_000 + below(60_000) }));
    }
  }

  function register(name: string): boolean {
    count += 1;
    const service: Service = {
      id: `${name}-${count}`,
      name,
      node: pick(nodes),
      address: pick(["", `10.3.0.${below(250)}`]),
      port: 1_000 + below(60_000),
      tags: [pick(["a", "b"])],
      meta: {},
      weights: { passing: 1, warning: 1 },
      checks: new Map(),
    };
    all.set(service.id, service);
    setService(service);
    // Every third has no check at all.
    return (
      count % 3 === 0 ||
      setCheck(service, `service:${service.id}`, pick(["passing", "passing", "untold"]))
    );
  }

  function setNode({ name, address, meta, check }: Node): boolean {
    operations.push(
      { Node: { Verb: "set", Node: { Node: name, Address: address, Meta: meta } } },
      {
        Check: {
          Verb: "set",
          Check: { Node: name, CheckID: "node-check", Name: "node", Status: check },
        },
      },
    );
    return true;
  }

  function setService(service: Service): boolean {
    operations.push({
      Service: {
        Verb: "set",
        Node: service.node.name,
        Service: {
          ID: service.id,
          Service: service.name,
          Address: service.address,
          Port: service.port,
          Tags: service.tags,
          Meta: service.meta,
          Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
        },
      },
    });
    return true;
  }

  function setCheck(service: Service, id: string, status: CheckState): boolean {
    service.checks.set(id, status);
    operations.push({
      Check: {
        Verb: "set",
        Check: {
          Node: service.node.name,
          CheckID: id,
          Name: id,
          Status: status === "untold" ? "critical" : status,
          Output: status === "untold" ? "" : "reported",
          ServiceID: service.id,
          ServiceName: service.name,
        },
      },
    });
    return true;
  }

  function removeCheck(service: Service, id: string): boolean {
    service.checks.delete(id);
    operations.push({
      Check: { Verb: "delete", Check: { Node: service.node.name, CheckID: id } },
    });
    return true;
  }

  async function commit(): Promise<void> {
    const body = JSON.stringify(operations);
    operations = [];
    const reply = await request(`${consul}/v1/txn`, { method: "PUT", body });
    if (reply.status !== 200) throw new Error(`Consul answers ${reply.status} ${reply.body}`);
  }

  function text(): string {
    return String(below(1_000_000));
  }
}

function toExpected(service: Service): ExpectedInstance {
  const { node, checks, id, name, port, tags, meta, weights } = service;
  const ownSick = [...checks.values()].filter((it) => it === "critical" || it === "untold");
  const isUnchecked = ownSick.length > 0 && ownSick.every((it) => it === "untold");
  return {
    id,
    name,
    address: service.address === "" ? node.address : service.address,
    port,
    tags,
    meta,
    weights,
    status: worstOf([...checks], node.check),
    ...(node.check === "critical" && ownSick.length === 0 ? { isNodeCritical: true as const } : {}),
    ...(isUnchecked ? { isUnchecked } : {}),
    node: node.name,
    nodeAddress: node.address,
    nodeMeta: node.meta,
  };
}

function worstOf(
  checks: readonly (readonly [string, CheckState])[],
  node: CheckState,
): InstanceStatus {
  if (checks.some(([id]) => id.startsWith("_service_maintenance"))) return "maintenance";
  const states = [node, ...checks.map(([, state]) => state)];
  if (states.includes("critical") || states.includes("untold")) return "critical";
  return states.includes("warning") ? "warning" : "passing";
}

/** Numbers from 0 up to 1 that are the same for the same seed. Source: mulberry32, public domain. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
