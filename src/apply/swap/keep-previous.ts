import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type FileState, hashOf, readState, removeFile, syncPath } from "../disk/durable-file.ts";
import { openStateDirectory } from "../disk/state-directory.ts";
import type { Change } from "./changes.ts";

/*
 * While a file is exchanged, the previous one keeps a second name beside it: nothing is copied, and to put it back is a
 * rename, which needs no room on a full disk. Where the file system gives no second name, a copy is kept in the state.
 */

/** Keeps what a change replaces. Returns the path of the copy, if one had to be made. @throws the file system's error */
export function keepPrevious(change: Change, { copies, index }: CopyPlace): string | undefined {
  if (change.before === undefined) return undefined;
  try {
    removeFile(change.previousPath);
    linkSync(change.target, change.previousPath);
    return undefined;
  } catch {
    openStateDirectory(copies);
    const copy = copyPath({ copies, index });
    removeFile(copy);
    writeFileSync(copy, readState(change.target)?.bytes ?? "", { flag: "wx", mode: 0o600 });
    return copy;
  }
}

/** Where a copy goes when there is no other way. */
export interface CopyPlace {
  readonly copies: string;
  /** The change's place among the changes of its swap. */
  readonly index: number;
}

/**
 * Puts back what was there before a change, byte for byte, with its owner and mode. What is there already is left alone.
 *
 * @throws the file system's error, or an error when what was there is not kept
 */
export async function putBack(change: Change, place: CopyPlace): Promise<void> {
  const { target, previousPath, before } = change;
  if (before === undefined) {
    if (isDone(change)) removeFile(target); // else it was not put there by us
    return;
  }
  if (matches(readState(target), before)) return;
  if (matches(readState(previousPath), before)) {
    replaceFile(previousPath, target);
    return;
  }
  const copy = readState(copyPath(place));
  if (copy === undefined || hashOf(copy.bytes) !== before.hash) {
    throw new Error(`what was at "${target}" is not kept`);
  }
  removeFile(change.stagedPath); // what a link there names is not to be written
  writeFileSync(change.stagedPath, copy.bytes, { flag: "wx" });
  chownSync(change.stagedPath, before.uid, before.gid);
  chmodSync(change.stagedPath, before.mode);
  await syncPath(change.stagedPath);
  replaceFile(change.stagedPath, target);
}

/** Whether what is there is what the change was to bring. */
export function isDone({ target, after }: Change): boolean {
  if (after === undefined) return !existsSync(target);
  try {
    const state = readState(target);
    return state !== undefined && hashOf(state.bytes) === after;
  } catch {
    return false; // what cannot be read was not put there by us
  }
}

/**
 * Puts the file `from` in place of `target`: by a rename, so that nobody sees half of it. A file that is mounted by itself
 * cannot be renamed over: it is written in place.
 *
 * @returns whether it was written in place
 */
export function replaceFile(from: string, target: string): boolean {
  try {
    renameSync(from, target);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
    const state = readState(from);
    if (state !== undefined) writeInPlace(target, state);
    return true;
  }
}

function writeInPlace(target: string, { bytes, mode }: FileState): void {
  const file = openSync(target, "r+");
  try {
    writeFileSync(file, bytes);
    ftruncateSync(file, bytes.length);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(target, mode);
}

function matches(state: FileState | undefined, before: NonNullable<Change["before"]>): boolean {
  return state?.mode === before.mode && hashOf(state.bytes) === before.hash;
}

const copyPath = ({ copies, index }: CopyPlace): string => join(copies, String(index));
