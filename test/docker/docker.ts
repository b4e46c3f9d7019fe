import { execa } from "execa";

/** Runs `docker` with these arguments and returns what it says. @throws when it fails, with its words */
export async function docker(
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return await run("docker", args, options);
}

/** Runs Docker Compose: `docker compose`, or the older `docker-compose` where that is what there is. */
export async function compose(
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  isPlugin ??= execa("docker", ["compose", "version"], { reject: false }).then(
    ({ stdout }) => stdout.includes("Compose"), // without the plugin `docker` takes it for its own option
  );
  return (await isPlugin)
    ? await run("docker", ["compose", ...args], options)
    : await run("docker-compose", args, options);
}

let isPlugin: Promise<boolean> | undefined;

async function run(
  program: string,
  args: readonly string[],
  {
    timeoutMs = 120_000,
    env = {},
  }: { readonly timeoutMs?: number; readonly env?: NodeJS.ProcessEnv },
): Promise<string> {
  const result = await execa(program, args, {
    all: true,
    reject: false,
    stdin: "ignore",
    timeout: timeoutMs,
    env: { DOCKER_BUILDKIT: "1", ...env },
  });
  if (!result.failed) return result.all;
  throw new Error(`${program} ${args.join(" ")}: ${result.all || result.message}`);
}

/** What `docker inspect` reports about a container. */
export interface ContainerState {
  readonly Status: string;
  readonly ExitCode: number;
  readonly Pid: number;
  readonly Health?: {
    readonly Status: string;
    readonly Log?: readonly { readonly Output: string }[];
  };
}

export async function stateOf(container: string): Promise<ContainerState> {
  return JSON.parse(
    await docker(["inspect", "--format", "{{json .State}}", container]),
  ) as ContainerState;
}
