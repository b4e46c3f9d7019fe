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
 * A named pipe that an nginx is to write its early errors to. It waits until somebody opens the pipe to read.
 *
 * Source: fifo(7), pipe(7).
 */

/** Makes the pipe, unless it is there. @returns whether it is */
export async function makeGate(path: string): Promise<boolean> {
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

/** Removes the pipe. What waits there all the same is let go: the kernel could not see to its end. */
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
 * Opens the pipe that a process waits to write to, which lets it go on. What it says there is read and dropped, as nginx
 * says it on its standard error too.
 *
 * @param options.binary what it is to have been started from, as it is named
 * @returns nothing, if it did not wait there: it could have read what it is to check before that was there
 */
export function openGateFor(
  pid: number,
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
