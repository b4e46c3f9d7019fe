import {
  type CommandResult,
  endCommand,
  runCommand,
  type StartedCommand,
  type StartOptions,
  startCommand,
} from "../command/command.ts";
import { type EndOptions, signalGroup } from "../command/process-group.ts";
import { makeGate, openGateFor, removeGate } from "./check-gate.ts";

/*
 * Node starts a program by a fork of itself, which takes longer the more memory Node has: 2 ms with 90 MiB, 6 ms with
 * 260 MiB. nginx then takes as long again to load. To keep both out of the time between a change and its reload, an
 * `nginx -t` is started beforehand and waits: its log of early errors (-e) is a named pipe, and opening a pipe for
 * writing waits until another process opens it for reading. nginx opens this log before it reads any configuration.
 *
 * The process ends with Fairlead, however Fairlead ends: `setpriv` makes the kernel kill it. Where setpriv, mkfifo or
 * -e (nginx 1.19.5) are missing, each check starts an `nginx -t` of its own.
 *
 * Source: fifo(7); nginx, src/core/nginx.c, main(); measured with 1.22.1.
 */

/** Runs `nginx -t`, with a prestarted process where one waits. */
export interface PrestartedCheck {
  /**
   * Puts the pipe at `gate` from now on, in a directory that nothing else uses, and removes the pipe that a killed
   * process left there. Before this call no process is prestarted.
   */
  moveTo(gate: string): void;
  /** Starts an `nginx -t` that waits, unless one waits already. */
  prepare(argv: readonly string[]): Promise<void>;
  /** Runs an `nginx -t`, as {@link runCommand} does. @throws the signal's reason, once aborted. Nothing else. */
  run(argv: readonly string[], options: EndOptions): Promise<CommandResult>;
  /** Ends the process that waits. No other one is started. */
  close(): Promise<void>;
}

/** After so many misses in a row no more processes are prestarted: each miss costs two forks for one check. */
const MISSES_UNTIL_OVER = 3;

interface Waiting {
  readonly argv: readonly string[];
  readonly started: StartedCommand;
}

export function createPrestartedCheck(options: Pick<StartOptions, "opens">): PrestartedCheck {
  let gate: string | undefined;
  let waiting: Waiting | undefined;
  /** Whether the pipe exists, once it is made. */
  let making: Promise<boolean> | undefined;
  /** Misses in a row: the process ended by itself, or did not wait. */
  let missed = 0;
  let isOver = false;

  return {
    moveTo(to) {
      gate = to;
      removeGate(to);
    },
    async prepare(argv) {
      if (gate === undefined || isOver || isPrepared(argv)) return;
      making ??= makeGate(gate).finally(() => {
        making = undefined;
      });
      if (!(await making)) isOver = true;
      if (isOver || isPrepared(argv)) return;
      void end();
      waiting = { argv, started: start(argv, gate) };
    },
    async run(argv, { timeoutMs, signal }) {
      signal.throwIfAborted();
      const deadline = performance.now() + timeoutMs;
      const opened = openFor(argv);
      if (opened !== undefined) {
        const result = await endCommand(opened.started, { timeoutMs, signal }).finally(
          opened.close,
        );
        // Only an acceptance counts. A refusal is checked again by an nginx that starts without a gate.
        if (result.ok || result.timedOut) return result;
      }
      const restMs = Math.max(1, deadline - performance.now());
      return await runCommand(argv, { ...options, timeoutMs: restMs, signal });
    },
    async close() {
      isOver = true;
      await end();
      await making;
      if (gate !== undefined) removeGate(gate);
    },
  };

  function isPrepared(argv: readonly string[]): boolean {
    return waiting !== undefined && isFor(waiting, argv);
  }

  function start([binary = "", ...args]: readonly string[], at: string): StartedCommand {
    const bound = ["setpriv", "--pdeathsig", "KILL"];
    const started = startCommand([...bound, binary, "-e", at, ...args], options);
    const { child } = started;
    if (child.pid === undefined) miss(); // there is no setpriv
    child.once("exit", (code) => {
      if (waiting?.started === started && code !== null) miss();
    });
    return started;
  }

  function miss(): void {
    missed += 1;
    isOver ||= missed >= MISSES_UNTIL_OVER;
  }

  /** Opens the gate for the process that waits with this command, if one does. */
  function openFor(argv: readonly string[]) {
    if (waiting === undefined || gate === undefined) return undefined;
    const { started } = waiting;
    const [binary = ""] = argv;
    const isRight = isFor(waiting, argv);
    const log = isRight ? openGateFor(started.child.pid ?? 0, { binary, gate }) : undefined;
    if (log === undefined) {
      if (isRight) miss();
      void end();
      return undefined;
    }
    missed = 0;
    waiting = undefined;
    return { started, close: () => void log.destroy() };
  }

  async function end(): Promise<void> {
    const started = waiting?.started;
    waiting = undefined;
    if (started === undefined) return;
    if (isRunning(started)) signalGroup(started.child.pid ?? 0, "SIGKILL");
    await started.child;
    started.outputFile?.close();
  }
}

const isFor = ({ argv, started }: Waiting, wanted: readonly string[]): boolean =>
  isRunning(started) && argv.length === wanted.length && argv.every((it, i) => it === wanted[i]);

const isRunning = ({ child }: StartedCommand): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;
