import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Log } from "../log.ts";

/** A proxy that Fairlead runs as its child and keeps running. */
export interface SupervisedProcess {
  /** The child's process id while it runs. */
  pid(): number | undefined;
  /** Starts the child unless it runs. From then on it is started again whenever it ends. */
  start(): void;
  /** The last lines that the child wrote to standard error. */
  recentErrors(): readonly string[];
  /** Ends the child: gracefully, then by force after 3 s. Resolves once it is gone. */
  stop(): Promise<void>;
}

const KEPT_LINES = 100;
const GRACE_MS = 3_000;
const FIRST_RESTART_MS = 200;
const LONGEST_RESTART_MS = 30_000;
/** A child that ran for this long started well: the next restart is quick again. */
const STEADY_MS = 10_000;

/**
 * @param argv     the command, as a list of arguments; no shell
 * @param options.stopSignal what asks this program to end gracefully, such as SIGQUIT for nginx
 */
export function superviseProcess(
  argv: readonly string[],
  { stopSignal, log }: { readonly stopSignal: NodeJS.Signals; readonly log: Log },
): SupervisedProcess {
  const errors: string[] = [];
  const [file = "", ...args] = argv;
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  let restartMs = FIRST_RESTART_MS;
  let stopping = false;

  return {
    pid: () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined),
    start() {
      if (child === undefined && restart === undefined && !stopping) launch();
    },
    recentErrors: () => errors,
    async stop() {
      stopping = true;
      clearTimeout(restart);
      const running = child;
      if (running === undefined) return;
      await new Promise<void>((resolve) => {
        const force = setTimeout(() => running.kill("SIGKILL"), GRACE_MS);
        running.once("exit", () => {
          clearTimeout(force);
          resolve();
        });
        running.kill(stopSignal);
      });
    },
  };

  function launch(): void {
    restart = undefined;
    const startedAt = performance.now();
    const started = spawn(file, args, { stdio: ["ignore", "inherit", "pipe"], shell: false });
    child = started;
    createInterface({ input: started.stderr }).on("line", (line) => {
      errors.push(line);
      if (errors.length > KEPT_LINES) errors.shift();
      log.info({ pid: started.pid }, line);
    });
    started.once("error", (error) => ended(error.message, startedAt));
    started.once("exit", (code, signal) =>
      ended(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`, startedAt),
    );
    if (started.pid !== undefined) log.info({ pid: started.pid }, `started "${argv.join(" ")}"`);
  }

  function ended(how: string, startedAt: number): void {
    if (child === undefined) return;
    child = undefined;
    if (stopping) return;
    restartMs =
      performance.now() - startedAt > STEADY_MS
        ? FIRST_RESTART_MS
        : Math.min(restartMs * 2, LONGEST_RESTART_MS);
    log.error({ restartMs }, `"${file}" ${how}; it is started again`);
    restart = setTimeout(launch, restartMs);
  }
}
