import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from "node:fs";
import { Socket } from "node:net";
import { dirname } from "node:path";
import { removeFile } from "../../apply/durable-file.ts";
import { openStateDirectory } from "../../apply/state-directory.ts";
import {
  type CommandResult,
  type EndOptions,
  endCommand,
  runCommand,
  type StartedCommand,
  type StartOptions,
  signalGroup,
  startCommand,
} from "../command.ts";
import { readChildren } from "../process-table.ts";

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
export interface Standby {
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

interface Waiting {
  readonly argv: readonly string[];
  readonly started: StartedCommand;
}

export function createStandby(options: Pick<StartOptions, "opens">): Standby {
  let gate: string | undefined;
  let waiting: Waiting | undefined;
  let made: Promise<boolean> | undefined;
  let isOver = false;

  return {
    moveTo(to) {
      gate = to;
      removeGate(to);
    },
    async prepare(argv) {
      if (gate === undefined || isOver || isPrepared(argv)) return;
      made ??= makeGate(gate);
      if (!(await made)) isOver = true;
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
      if ((await made) && gate !== undefined) removeGate(gate);
    },
  };

  function isPrepared(argv: readonly string[]): boolean {
    return waiting !== undefined && waitsFor(waiting, argv);
  }

  function start([binary = "", ...args]: readonly string[], at: string): StartedCommand {
    const bound = ["setpriv", "--pdeathsig", "KILL"];
    const started = startCommand([...bound, binary, "-e", at, ...args], options);
    const { child } = started;
    if (child.pid === undefined) isOver = true; // there is no setpriv
    child.once("exit", (code) => {
      // It ended by itself, and did not wait: there is no use in trying that again.
      if (waiting?.started === started && code !== null) isOver = true;
    });
    return started;
  }

  /** Lets what waits for this go on, if anything does. */
  function openFor(argv: readonly string[]) {
    if (waiting === undefined || gate === undefined) return undefined;
    const { started } = waiting;
    const log = waitsFor(waiting, argv) ? letGoOn(started, gate) : undefined;
    if (log === undefined) {
      void end();
      return undefined;
    }
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

async function makeGate(path: string): Promise<boolean> {
  try {
    openStateDirectory(dirname(path));
  } catch {
    return false; // who needs that directory says what is wrong with it
  }
  const { signal } = new AbortController();
  const result = await runCommand(["mkfifo", "-m", "600", path], { timeoutMs: 5_000, signal });
  return result.ok;
}

/** What waits there all the same is let go: the kernel could not see to its end. */
function removeGate(path: string): void {
  const fd = openGate(path);
  if (fd !== undefined) closeSync(fd);
  try {
    removeFile(path);
  } catch {
    // Then none can be made there either.
  }
}

/**
 * Opens the pipe that a process waits to write to, which lets it go on. What it says there is read and dropped, as nginx
 * says it on its standard error too.
 *
 * @returns nothing, if it did not wait there: it could have read what it is to check before that was there
 */
function letGoOn({ child: { pid = 0 } }: StartedCommand, gate: string): Socket | undefined {
  if (hasComeFurther(pid, gate)) return undefined;
  const fd = openGate(gate);
  if (fd === undefined) return undefined;
  if (isAwaited(fd)) return new Socket({ fd, readable: true }).resume();
  closeSync(fd);
  return undefined;
}

/** Whether it has the pipe open already, as somebody else let it go on, or left that to another process. */
function hasComeFurther(pid: number, gate: string): boolean {
  try {
    const { dev, ino } = statSync(gate);
    const opened = readdirSync(`/proc/${pid}/fd`).map((fd) => statSync(`/proc/${pid}/fd/${fd}`));
    return opened.some((it) => it.dev === dev && it.ino === ino) || readChildren(pid).length > 0;
  } catch {
    return true; // as far as can be told
  }
}

function openGate(path: string): number | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (fstatSync(fd).isFIFO()) return fd;
    closeSync(fd);
  } catch {
    // Nobody can open it any more.
  }
  return undefined;
}

/** Whether somebody writes to the pipe, or waited to: else it is at its end. Source: pipe(7). */
function isAwaited(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN";
  }
}

const waitsFor = ({ argv, started }: Waiting, wanted: readonly string[]): boolean =>
  isThere(started) && argv.length === wanted.length && argv.every((it, i) => it === wanted[i]);

const isThere = ({ child }: StartedCommand): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;
