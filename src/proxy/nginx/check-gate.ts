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
import { removeFile } from "../../apply/disk/durable-file.ts";
import { openStateDirectory } from "../../apply/disk/state-directory.ts";
import { runCommand } from "../command/command.ts";

/*
 * The gate is a named pipe that `nginx -t` opens as the log of its early errors. nginx waits until another process
 * opens the pipe for reading.
 *
 * Source: fifo(7), pipe(7).
 */

/** Makes the pipe, unless it exists. @returns whether it exists now */
export async function makeGate(path: string): Promise<boolean> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO() === true) return true;
  removeGate(path);
  try {
    openStateDirectory(dirname(path));
  } catch {
    return false; // what else needs the directory reports the error
  }
  const { signal } = new AbortController();
  const result = await runCommand(["mkfifo", "-m", "600", path], { timeoutMs: 5_000, signal });
  return result.ok;
}

/** Removes the pipe. A process that still waits there continues, as the kernel did not end it with its Fairlead. */
export function removeGate(path: string): void {
  const fd = openGate(path);
  if (fd !== undefined) closeSync(fd);
  try {
    removeFile(path);
  } catch {
    // Then none can be made there either.
  }
}

/**
 * Opens the pipe for the process that waits there, so that it continues. Its early errors are read and dropped, as
 * nginx prints them to its standard error too.
 *
 * @param options.binary the program that the process must run, by name or path
 * @returns `undefined` when the process did not wait there: it may have read files before they were complete
 */
export function openGateFor(
  pid: number,
  { binary, gate }: { readonly binary: string; readonly gate: string },
): Socket | undefined {
  if (!hasJustStarted(pid, { binary, gate })) return undefined;
  const fd = openGate(gate);
  if (fd === undefined) return undefined;
  if (isAwaited(fd)) {
    const log = new Socket({ fd, readable: true });
    log.on("error", () => undefined); // its exit code tells the result
    return log.resume();
  }
  closeSync(fd);
  return undefined;
}

/** Whether a process runs `binary` and has not passed the gate. `false` where the kernel hides it, as with file capabilities. */
function hasJustStarted(
  pid: number,
  { binary, gate }: { readonly binary: string; readonly gate: string },
): boolean {
  try {
    return isProgram(pid, binary) && !hasPassedGate(pid, gate);
  } catch {
    return false;
  }
}

/**
 * Whether a process runs the program that a new process would run: not a script, which may already have read what it
 * gives to nginx, and not a program that an upgrade has replaced.
 */
function isProgram(pid: number, name: string): boolean {
  const there = statSync(`/proc/${pid}/exe`, { throwIfNoEntry: false });
  const wanted = programNamed(name);
  return there !== undefined && there.dev === wanted?.dev && there.ino === wanted.ino;
}

/** Finds a program as execvp(3) does. */
function programNamed(name: string): Stats | undefined {
  const directories = name.includes("/") ? [""] : (process.env["PATH"] ?? "").split(":");
  for (const directory of directories) {
    const path = directory === "" ? name : `${directory}/${name}`;
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() === true && (found.mode & 0o111) !== 0) return found;
  }
  return undefined;
}

/** Whether it has the pipe open already, because another process opened the gate. */
function hasPassedGate(pid: number, gate: string): boolean {
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
    // The pipe is gone, or cannot be opened.
  }
  return undefined;
}

/** Whether a process has the pipe open for writing. Without one a read is at the end of the file. Source: pipe(7). */
function isAwaited(fd: number): boolean {
  try {
    return readSync(fd, Buffer.alloc(1)) > 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN";
  }
}
