import { startProgram } from "./child-process.ts";
import { freePorts } from "./free-port.ts";
import { request } from "./request.ts";
import { until } from "./until.ts";

/** A service to register. */
interface Registration {
  readonly name: string;
  readonly id?: string;
  readonly address?: string;
  readonly port: number;
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  readonly weights?: { readonly passing: number; readonly warning: number };
  /** An HTTP check of this URL every second; else a check that the test sets. */
  readonly checkUrl?: string;
  /** What Consul says until its check has told first: passing, unless said. */
  readonly begins?: "passing" | "critical";
}

/** A real Consul dev agent, all in memory. */
export interface ConsulAgent {
  readonly address: string;
  /** Where agents of other datacenters join it. */
  readonly wanAddress: string;
  readonly pid: () => number;
  register(service: Registration): Promise<void>;
  deregister(id: string): Promise<void>;
  /** Sets a check of a service that was registered without `checkUrl`. */
  setHealth(id: string, health: "pass" | "warn" | "fail"): Promise<void>;
  setMaintenance(id: string, enable: boolean): Promise<void>;
  putKey(key: string, value: string): Promise<void>;
  deleteKey(key: string): Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again at the same address, empty. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an agent and waits until it has a leader. */
export async function startConsul(
  options: {
    readonly httpPort?: number;
    readonly datacenter?: string;
    /** An agent of another datacenter to join. */
    readonly joinWan?: string;
  } = {},
): Promise<ConsulAgent> {
  const [freeHttp = 0, server = 0, lan = 0, wan = 0] = await freePorts(4);
  const httpPort = options.httpPort ?? freeHttp;
  const address = `http://127.0.0.1:${httpPort}`;
  let agent = await launch();

  const put = async (path: string, body?: unknown): Promise<void> => {
    const reply = await request(`${address}/v1/${path}`, {
      method: "PUT",
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    if (reply.status !== 200)
      throw new Error(`Consul answers ${path}: ${reply.status} ${reply.body}`);
  };

  return {
    address,
    wanAddress: `127.0.0.1:${wan}`,
    pid: () => agent.pid,
    register: async (service) => await put("agent/service/register", toBody(service)),
    deregister: async (id) => await put(`agent/service/deregister/${encodeURIComponent(id)}`),
    setHealth: async (id, health) =>
      await put(`agent/check/${health}/${encodeURIComponent(`service:${id}`)}`),
    setMaintenance: async (id, enable) =>
      await put(`agent/service/maintenance/${encodeURIComponent(id)}?enable=${enable}`),
    putKey: async (key, value) => await put(`kv/${key}`, value),
    deleteKey: async (key) => void (await request(`${address}/v1/kv/${key}`, { method: "DELETE" })),
    kill: async () => void (await agent.stop("SIGKILL")),
    async startAgain() {
      agent = await launch();
    },
    stop: async () => void (await agent.stop("SIGTERM", 3_000)),
  };

  async function launch() {
    const program = await startProgram([
      "consul",
      "agent",
      "-dev",
      "-log-level",
      "warn",
      "-bind",
      "127.0.0.1",
      "-client",
      "127.0.0.1",
      "-http-port",
      String(httpPort),
      "-dns-port",
      "-1",
      "-grpc-port",
      "-1",
      "-server-port",
      String(server),
      "-serf-lan-port",
      String(lan),
      "-serf-wan-port",
      String(wan),
      ...(options.datacenter === undefined ? [] : ["-datacenter", options.datacenter]),
      ...(options.joinWan === undefined ? [] : ["-retry-join-wan", options.joinWan]),
    ]);
    try {
      await until("the Consul agent has a leader and knows itself", async () => {
        if (!program.isRunning()) throw new Error(program.output());
        const { body } = await request(`${address}/v1/health/service/consul?passing=1`);
        return (
          body.includes('"ServerPort"') ||
          body.includes('"Service":"consul"') ||
          body.includes('"Service": "consul"')
        );
      });
    } catch (error) {
      await program.stop("SIGKILL");
      throw error;
    }
    return program;
  }
}

function toBody(service: Registration): object {
  const check =
    service.checkUrl === undefined
      ? { TTL: "1h", Status: service.begins ?? "passing" }
      : {
          HTTP: service.checkUrl,
          Interval: "1s",
          Timeout: "1s",
          Status: service.begins ?? "passing",
        };
  return {
    Name: service.name,
    ID: service.id ?? `${service.name}-${service.port}`,
    Address: service.address ?? "127.0.0.1",
    Port: service.port,
    Tags: service.tags ?? [],
    Meta: service.meta ?? {},
    ...(service.weights === undefined
      ? {}
      : { Weights: { Passing: service.weights.passing, Warning: service.weights.warning } }),
    Check: check,
  };
}
