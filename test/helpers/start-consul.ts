import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";
import { startProgram } from "./child-process.ts";
import { freePorts } from "./free-port.ts";
import { type RequestOptions, request } from "./request.ts";
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
  /** The check's state until its first result: passing unless given. */
  readonly begins?: "passing" | "critical";
}

export interface ConsulOptions {
  readonly httpPort?: number;
  readonly datacenter?: string;
  /** An agent of another datacenter to join over the WAN: its {@link ConsulAgent.wanAddress}. */
  readonly joinWan?: string;
  /** The loopback address where it serves and is joined, such as `127.0.0.2`: 127.0.0.1 unless given. */
  readonly host?: string;
  /** Turns ACLs on: whoever has no token may do nothing. The agent's own requests here use {@link ConsulAgent.token}. */
  readonly acl?: boolean;
  /** Where it keeps what it knows. Without it all is in memory, and it is empty when it starts again. */
  readonly dataDirectory?: string;
}

/** A real Consul server agent. */
export interface ConsulAgent {
  readonly address: string;
  /** The management token, where ACLs are on. */
  readonly token: string | undefined;
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
  /** Sends another request to its API, such as `agent/service/register`, with a body in JSON: a PUT unless given. */
  send(path: string, body?: object, method?: "PUT" | "POST"): Promise<void>;
  /** Creates a policy. @param rules in HCL, such as `service_prefix "" { policy = "read" }` */
  createPolicy(name: string, rules: string): Promise<void>;
  /** Changes the rules of a policy. */
  changePolicy(name: string, rules: string): Promise<void>;
  /** Creates a token with these policies. @returns its secret */
  createToken(policies: readonly string[]): Promise<string>;
  /** Stops it with SIGSTOP: connections stay open, and nothing answers. */
  freeze(): Promise<void>;
  resume(): void;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /**
   * Starts it again at the same address: with its data where it has a data directory, unless `empty` is set. `acl` turns ACLs
   * on from now on.
   */
  startAgain(options?: { readonly empty?: boolean; readonly acl?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an agent and waits until it has a leader. */
export async function startConsul(options: ConsulOptions = {}): Promise<ConsulAgent> {
  const { host = "127.0.0.1", dataDirectory } = options;
  const [freeHttp = 0, server = 0, lan = 0, wan = 0] = await freePorts(4);
  const httpPort = options.httpPort ?? freeHttp;
  const address = `http://${host}:${httpPort}`;
  let token = options.acl === true ? randomUUID() : undefined;
  const ports = { http: httpPort, server, "serf-lan": lan, "serf-wan": wan };

  const ask = async (
    path: string,
    { method = "GET", body }: Pick<RequestOptions, "method" | "body">,
  ) => {
    const reply = await request(`${address}/v1/${path}`, {
      method,
      headers: token === undefined ? {} : { "x-consul-token": token },
      ...(body === undefined ? {} : { body }),
    });
    if (reply.status !== 200)
      throw new Error(`Consul answers ${path}: ${reply.status} ${reply.body}`);
    return reply.body;
  };
  const put = async (path: string, body?: object | string, method = "PUT"): Promise<string> => {
    const text = typeof body === "object" ? JSON.stringify(body) : body;
    return await ask(path, { method, ...(text === undefined ? {} : { body: text }) });
  };
  let agent = await launch();

  return {
    address,
    get token() {
      return token;
    },
    wanAddress: `${host}:${wan}`,
    pid: () => agent.pid,
    register: async (service) => void (await put("agent/service/register", toBody(service))),
    deregister: async (id) =>
      void (await put(`agent/service/deregister/${encodeURIComponent(id)}`)),
    setHealth: async (id, health) =>
      void (await put(`agent/check/${health}/${encodeURIComponent(`service:${id}`)}`)),
    setMaintenance: async (id, enable) =>
      void (await put(`agent/service/maintenance/${encodeURIComponent(id)}?enable=${enable}`)),
    putKey: async (key, value) => void (await put(`kv/${key}`, value)),
    deleteKey: async (key) => void (await ask(`kv/${key}`, { method: "DELETE" })),
    send: async (path, body, method) => void (await put(path, body, method)),
    createPolicy: async (name, rules) =>
      void (await put("acl/policy", { Name: name, Rules: rules })),
    async changePolicy(name, rules) {
      const policies = JSON.parse(await ask("acl/policies", {})) as { ID: string; Name: string }[];
      const id = policies.find((it) => it.Name === name)?.ID;
      await put(`acl/policy/${id}`, { Name: name, Rules: rules });
    },
    async createToken(policies) {
      const Policies = policies.map((Name) => ({ Name }));
      return (JSON.parse(await put("acl/token", { Policies })) as { SecretID: string }).SecretID;
    },
    freeze: () => agent.freeze(),
    resume: () => agent.resume(),
    kill: async () => void (await agent.stop("SIGKILL")),
    async startAgain({ empty = false, acl = false } = {}) {
      await agent.stop("SIGKILL");
      if (acl) token ??= randomUUID();
      if (empty && dataDirectory !== undefined) await rm(dataDirectory, { recursive: true });
      agent = await launch();
    },
    stop: async () => void (await agent.stop("SIGTERM", 3_000)),
  };

  async function launch() {
    const program = await startProgram(await agentCommand(options, { host, token, ports }));
    try {
      await until("the Consul agent has a leader and knows itself", async () => {
        if (!program.isRunning()) throw new Error(program.output());
        const body = await ask("health/service/consul?passing=1", {});
        return /"ServerPort"|"Service": ?"consul"/.test(body);
      });
    } catch (error) {
      await program.stop("SIGKILL");
      throw error;
    }
    return program;
  }
}

/** The command line of a server agent on its own. */
async function agentCommand(
  { datacenter, joinWan, dataDirectory }: ConsulOptions,
  {
    host,
    token,
    ports,
  }: {
    readonly host: string;
    readonly token: string | undefined;
    readonly ports: Readonly<Record<string, number>>;
  },
): Promise<readonly string[]> {
  // A dev agent keeps nothing on disk; a server elects itself as quickly as a dev agent with this multiplier.
  const mode =
    dataDirectory === undefined
      ? ["-dev"]
      : ["-server", "-bootstrap-expect=1", "-data-dir", dataDirectory, "-hcl", QUICK_ELECTION];
  return [
    "consul",
    "agent",
    ...mode,
    "-log-level",
    "warn",
    "-bind",
    host,
    "-client",
    host,
    ...Object.entries({ ...ports, dns: -1, grpc: -1 }).flatMap(([name, port]) => [
      `-${name}-port`,
      String(port),
    ]),
    ...(await grpcTlsOff()),
    ...(datacenter === undefined ? [] : ["-datacenter", datacenter]),
    ...(joinWan === undefined ? [] : ["-retry-join-wan", joinWan]),
    ...(token === undefined ? [] : ["-hcl", await aclSettings(token)]),
  ];
}

const QUICK_ELECTION = "performance { raft_multiplier = 1 }";

async function aclSettings(token: string): Promise<string> {
  const management = (await isAtLeast(1, 11)) ? "initial_management" : "master";
  return `acl { enabled = true default_policy = "deny" tokens { ${management} = "${token}" agent = "${token}" } }`;
}

/** Consul 1.14 and later open port 8503 unless it is turned off; earlier ones do not know the flag. */
export async function grpcTlsOff(): Promise<readonly string[]> {
  return (await isAtLeast(1, 14)) ? ["-grpc-tls-port", "-1"] : [];
}

let version: Promise<readonly [number, number]> | undefined;

async function isAtLeast(major: number, minor: number): Promise<boolean> {
  version ??= readVersion();
  const [ownMajor, ownMinor] = await version;
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

async function readVersion(): Promise<readonly [number, number]> {
  const { stdout } = await promisify(execFile)("consul", ["version"]);
  const [, major, minor] = /^Consul v(\d+)\.(\d+)/.exec(stdout) ?? [];
  if (major === undefined) throw new Error(`unknown version of Consul: ${stdout}`);
  return [Number(major), Number(minor)];
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
