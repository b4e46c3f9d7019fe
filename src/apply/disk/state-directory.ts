import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { rename } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { z } from "zod";
import { AppError, messageOf } from "../../errors.ts";
import { isNotFound, removeFile, syncPath } from "./durable-file.ts";
import { writeHint } from "./write-hint.ts";

/*
 * What Fairlead keeps for itself lies in one directory, for this user alone: directories 0700, files 0600. Nothing in it is
 * followed through a symbolic link that somebody else made.
 */

/**
 * Makes a directory of the state, unless it is there.
 *
 * @throws {AppError} SWAP when it cannot be used, or is a symbolic link that somebody else made
 */
export function openStateDirectory(path: string): void {
  try {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) return;
    refuseForeignLink(path, found);
    makeDirectory(path);
  } catch (cause) {
    throw stateError(path, cause);
  }
}

/** With what lies above it. Not by `recursive`: that says ENOENT where the file system is read-only. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw cause;
    makeDirectory(dirname(path));
    makeDirectory(path);
  }
}

/** The text of a file of the state; `undefined` when there is none. @throws {AppError} SWAP, also when it is a link */
export function readStateFile(path: string): string | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return readFileSync(file, "utf8");
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    if (isNotFound(cause)) return undefined;
    throw stateError(dirname(path), cause);
  }
}

/** Told of a file of the state that is not what Fairlead wrote there. */
export type OnUnusable = (error: AppError) => void;

/**
 * Reads a file of the state as JSON of a kind. Any other content counts as no file, and is reported.
 *
 * @throws {AppError} SWAP when it cannot be read
 */
export function readStateJson<T>(
  path: string,
  schema: z.ZodType<T>,
  onUnusable: OnUnusable,
): T | undefined {
  const text = readStateFile(path);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(parsedJson(text));
  if (parsed.success) return parsed.data;
  onUnusable(
    new AppError(
      "SWAP",
      `Cannot use "${path}" as it is not what Fairlead wrote: it counts as none`,
      {
        hint: "Nothing is to be done, but to pause or roll back again where that was asked for; should it come again, see the disk's health",
      },
    ),
  );
  return undefined;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Writes a file of the state in one step: a reader sees the complete old text or the complete new one, also after a power cut.
 *
 * @throws {AppError} SWAP
 */
export async function writeStateFile(path: string, text: string): Promise<void> {
  const beside = unfinishedOf(path);
  try {
    removeFile(beside); // what lies there may be a link
    writeFileSync(beside, text, { flag: "wx", mode: 0o600 });
    await syncPath(beside);
    await rename(beside, path);
    await syncPath(dirname(path));
  } catch (cause) {
    throw stateError(dirname(path), cause);
  }
}

/** Removes a file of the state, and what a process that was killed while it wrote that left beside it. */
export function removeStateFile(path: string): void {
  removeFile(unfinishedOf(path));
  removeFile(path);
}

const unfinishedOf = (path: string): string => `${path}.new`;

/** An operator may well move a directory to another disk and leave a link, as this user or as root. */
function refuseForeignLink(path: string, found: Stats | undefined): void {
  if (found?.isSymbolicLink() !== true) return;
  if (found.uid === 0 || found.uid === process.geteuid?.()) return;
  throw new Error(`"${basename(path)}" is a symbolic link that user ${found.uid} made`);
}

/** @param path the directory that was to be used */
export function stateError(path: string, cause: unknown): AppError {
  return new AppError("SWAP", `Cannot use the state directory "${path}" as ${messageOf(cause)}`, {
    hint: `${writeHint(cause, path)}, or set \`state\` in the config to another directory, on a local disk`,
    cause,
  });
}
