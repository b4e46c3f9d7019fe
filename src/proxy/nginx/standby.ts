import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
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

/** Where it is of no use, trying that on and on costs two forks for each check. */
const MISSED_UNTIL_OVER = 3;

interface Waiting {
  readonly argv: readonly string[];
  readonly started: StartedCommand;
}

export function createStandby(options: Pick<StartOptions, "opens">): Standby {
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
      making ??= readyGate(gate).finally(() => {
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
    const log = isRight ? letGoOn(started, { binary, gate }) : undefined;
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

async function readyGate(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO() === true) return true;
  removeGate(path);
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
function letGoOn(
  { child: { pid = 0 } }: StartedCommand,
  { binary, gate }: { readonly binary: string; readonly gate: string },
): Socket | undefined {
  if (!hasOnlyStarted(pid, { binary, gate })) return undefined;
  const fd = openGate(gate);
  if (fd === undefined) return undefined;
  if (isAwaited(fd)) {
    const log = new Socket({ fd, readable: true });
    log.on("error", () => undefined); // its exit tells
    return log.resume();
  }
  closeSync(fd);
  return undefined;
}

/** As far as can be told: what has capabilities of its own lets nobody look. */
function hasOnlyStarted(
  pid: number,
  { binary, gate }: { readonly binary: string; readonly gate: string },
): boolean {
  try {
    return isProgram(pid, binary) && !hasComeFurther(pid, gate);
  } catch {
    return false;
  }
}

/**
 * Whether a process runs the very program that would be run now: not a script, which may have read what it is about to
 * give to nginx, nor one that was replaced by an upgrade.
 */
function isProgram(pid: number, name: string): boolean {
  const there = statSync(`/proc/${pid}/exe`, { throwIfNoEntry: false });
  const wanted = programNamed(name);
  return there !== undefined && there.dev === wanted?.dev && there.ino === wanted.ino;
}

/** As execvp(3) finds it. */
function programNamed(name: string): Stats | undefined {
  const directories = name.includes("/") ? [""] : (process.env["PATH"] ?? "").split(":");
  for (const directory of directories) {
    const path = directory === "" ? name : `${directory}/${name}`;
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() === true && (found.mode & 0o111) !== 0) return found;
  }
  return undefined;
}

/** Whether it has the pipe open already, as somebody else let it go on. */
function hasComeFurther(pid: number, gate: string): boolean {
  const { dev, ino } = statSync(gate);
  const opened = readdirSync(`/proc/${pid}/fd`).map((fd) => statSync(`/proc/${pid}/fd/${fd}`));
  return opened.some((it) => it.dev === dev && it.ino === ino);
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
