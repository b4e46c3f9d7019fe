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
 * Node starts a program by a fork of itself, which takes the longer the more memory it has: 2 ms with 90 MiB, 6 with
 * 260. Then nginx is loaded, which takes it as long again. So that neither stands between a change and its reload, an
 * `nginx -t` is there beforehand and waits: its log of early errors (-e) is a named pipe, and opening one to write waits
 * until somebody opens it to read. nginx opens that log before it reads any configuration.
 *
 * It ends with Fairlead, however that ends: `setpriv` has the kernel see to it. Where setpriv, mkfifo or -e (nginx 1.19.5)
 * are missing, all goes as it does without.
 *
 * Source: fifo(7); nginx, src/core/nginx.c, main(); measured with 1.22.1.
 */

/** Runs `nginx -t` again and again, by one that waits to do so where there is one. */
export interface PrestartedCheck {
  /**
   * Has the pipe at `gate` from now on, in a directory that nobody else uses, and removes the one that a process left
   * there which was killed. Until then nothing waits.
   */
  moveTo(gate: string): void;
  /** Starts an `nginx -t` that waits, unless it waits already. That takes as long as it spares later. */
  prepare(argv: readonly string[]): Promise<void>;
  /** Runs an `nginx -t`, as {@link runCommand} does. @throws the signal's reason, once aborted. Nothing else. */
  run(argv: readonly string[], options: EndOptions): Promise<CommandResult>;
  /** Ends what waits, for good. */
  close(): Promise<void>;
}

/** Where it is of no use, trying that on and on costs two forks for each check. */
const MISSED_UNTIL_OVER = 3;

interface Waiting {
  readonly argv: readonly string[];
  readonly started: StartedCommand;
}

export function createPrestartedCheck(options: Pick<StartOptions, "opens">): PrestartedCheck {
  let gate: string | undefined;
  let waiting: Waiting | undefined;
  /** Whether the pipe is there, once it is made. */
  let making: Promise<boolean> | undefined;
  /** How often in a row it was of no use: it ended by itself, or did not wait. */
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
        // Only a yes counts: a no is asked for again, as nginx says it without all this.
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
    return waiting !== undefined && waitsFor(waiting, argv);
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
    isOver ||= missed >= MISSED_UNTIL_OVER;
  }

  /** Lets what waits for this go on, if anything does. */
  function openFor(argv: readonly string[]) {
    if (waiting === undefined || gate === undefined) return undefined;
    const { started } = waiting;
    const [binary = ""] = argv;
    const isRight = waitsFor(waiting, argv);
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
    if (isThere(started)) signalGroup(started.child.pid ?? 0, "SIGKILL");
    await started.child;
    started.outputFile?.close();
  }
}

const waitsFor = ({ argv, started }: Waiting, wanted: readonly string[]): boolean =>
  isThere(started) && argv.length === wanted.length && argv.every((it, i) => it === wanted[i]);

const isThere = ({ child }: StartedCommand): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;
