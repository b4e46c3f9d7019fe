import { readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { until } from "../helpers/until.ts";
import { imageOf } from "./build-images.ts";
import { compose, docker, stateOf } from "./docker.ts";
import { PATIENCE } from "./traffic.ts";

/** A service of a compose file, as far as it is changed here. */
interface ComposeService {
  readonly network_mode?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** What a test puts in place of a service's own, or makes of it; environments are joined. */
export type Change = ComposeService | ((service: ComposeService) => ComposeService);

/** The containers of a compose file. */
export interface Stack {
  /** `docker compose ARGS` for this file and project. */
  compose(...args: readonly string[]): Promise<string>;
  /** Names of a service's containers that run or ran. */
  containers(service: string): Promise<readonly string[]>;
  /** Runs as many of a service as said, and leaves the others alone. */
  scale(service: string, count: number): Promise<void>;
  /** Restarts containers, all at once, each with ten seconds to end. */
  restart(containers: readonly string[]): Promise<void>;
  /**
   * Ends a container of each service as `docker stop` does, all at once, and returns their exit codes.
   *
   * @throws when one does not end by itself in time
   */
  stopOneOfEach(services: readonly string[]): Promise<readonly number[]>;
  logs(service: string): Promise<string>;
  /** Prints the last lines of all, to find what went wrong. */
  showLogs(): Promise<void>;
  /** Waits until the health checks of these services' containers say that they are healthy. */
  untilHealthy(...services: readonly string[]): Promise<void>;
  down(): Promise<void>;
}

/** As the compose files say. */
const GRACE_SECONDS = 10;

const IMAGES = {
  CONSUL_IMAGE: imageOf("consul"),
  NGINX_IMAGE: imageOf("nginx"),
  VARNISH_IMAGE: imageOf("varnish"),
  FAIRLEAD_IMAGE: imageOf("fairlead"),
  FAIRLEAD_NGINX_IMAGE: imageOf("fairlead-nginx"),
  FAIRLEAD_VARNISH_IMAGE: imageOf("fairlead-varnish"),
  FAIRLEAD_SAMPLE_IMAGE: imageOf("sample-service"),
  DOCKER_SIGNAL_IMAGE: imageOf("docker-signal"),
};

/**
 * Brings a compose file of docker/ up on the machine's own network: an engine without bridge networks can run it
 * then, and two runs do not meet as each service gets ports of its own by `changes`. All else is as in the file.
 */
export async function startStack(
  file: string,
  options: { readonly changes: Readonly<Record<string, Change>>; readonly env?: NodeJS.ProcessEnv },
): Promise<Stack> {
  const directory = await tempDirectory();
  const written = directory.at("compose.json");
  await writeFile(written, JSON.stringify(await onHostNetwork(file, options.changes)));
  const project = `fairlead-${Math.random().toString(36).slice(2, 8)}`;
  const env = { ...IMAGES, ...options.env };
  const stack: Stack = {
    async compose(...args) {
      const which = ["-p", project, "-f", written, "--project-directory", resolve(dirname(file))];
      return await compose([...which, ...args], { env });
    },
    async containers(service) {
      const filters = [
        `com.docker.compose.project=${project}`,
        `com.docker.compose.service=${service}`,
      ];
      const labels = filters.flatMap((label) => ["--filter", `label=${label}`]);
      const names = await docker(["ps", "-a", "--format", "{{.Names}}", ...labels]);
      return names
        .split("\n")
        .filter((name) => name !== "")
        .toSorted();
    },
    async scale(service, count) {
      await stack.compose(
        "up",
        "-d",
        "--no-build",
        "--no-recreate",
        "--no-deps",
        "--scale",
        `${service}=${count}`,
        service,
      );
    },
    async restart(containers) {
      await Promise.all(
        containers.map((it) => docker(["restart", "--time", String(GRACE_SECONDS), it])),
      );
    },
    async stopOneOfEach(services) {
      const containers = await Promise.all(services.map(stack.containers));
      return await Promise.all(containers.map(([first = ""]) => stop(first)));
    },
    async logs(service) {
      const [container = ""] = await stack.containers(service);
      return await docker(["logs", container]);
    },
    async showLogs() {
      console.error(await stack.compose("logs", "--no-color", "--timestamps", "--tail", "40"));
    },
    async untilHealthy(...services) {
      for (const container of (await Promise.all(services.map(stack.containers))).flat()) {
        await until(`${container} is healthy`, async () => await isHealthy(container), PATIENCE);
      }
    },
    async down() {
      await stack.compose("down", "--volumes", "--timeout", "2");
      await directory.remove();
    },
  };
  try {
    await stack.compose("up", "-d", "--no-build");
  } catch (error) {
    const logs = await stack.compose("logs", "--no-color", "--tail", "30").catch(String);
    await stack.down();
    throw new Error(`${(error as Error).message}\n${logs}`, { cause: error });
  }
  return stack;
}

async function stop(container: string): Promise<number> {
  const startedAt = performance.now();
  await docker(["stop", "--time", String(GRACE_SECONDS), container]);
  const seconds = (performance.now() - startedAt) / 1_000;
  if (seconds < GRACE_SECONDS) return (await stateOf(container)).ExitCode;
  throw new Error(`${container} did not end within ${GRACE_SECONDS} s`);
}

async function isHealthy(container: string): Promise<true> {
  await sleep(500); // each poll starts a program
  const { Status, Health } = await stateOf(container);
  if (Health?.Status === "healthy") return true;
  throw new Error(`${Status}, ${Health?.Status}: ${Health?.Log?.at(-1)?.Output}`);
}

async function onHostNetwork(
  file: string,
  changes: Readonly<Record<string, Change>>,
): Promise<object> {
  const { services, volumes } = parse(await readFile(file, "utf8"), { merge: true }) as {
    readonly services: Readonly<Record<string, ComposeService>>;
    readonly volumes: object;
  };
  const moved = Object.entries(services).map(([name, service]) => {
    const { build: _build, ports: _ports, ...rest } = service;
    const asked = changes[name] ?? {};
    const change = typeof asked === "function" ? asked(service) : asked;
    const environment = { ...rest.environment, ...change.environment };
    const network = { network_mode: rest.network_mode ?? "host" };
    return [name, { ...rest, ...network, ...change, environment }];
  });
  return { version: "3.9", services: Object.fromEntries(moved), volumes };
}
