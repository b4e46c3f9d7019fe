import { createHash } from "node:crypto";
import { readFileSync, statSync, unlinkSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";

/** What is at a path. */
export interface FileState {
  readonly bytes: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Reads what is at `path`, `undefined` when there is nothing. @throws any other error of the file system */
export function readState(path: string): FileState | undefined {
  try {
    const { mode, uid, gid } = statSync(path);
    return { bytes: readFileSync(path), mode: mode & 0o7777, uid, gid };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whether the live files are, byte for byte and mode for mode, these. One that cannot be read is not. */
export function areInPlace(
  files: readonly { readonly path: string; readonly text: string; readonly mode: number }[],
): boolean {
  try {
    return files.every((file) => isSame(readState(file.path), Buffer.from(file.text), file.mode));
  } catch {
    return false;
  }
}

export const isSame = (state: FileState | undefined, bytes: Buffer, mode: number): boolean =>
  state?.mode === mode && state.bytes.equals(bytes);

export const hashOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** Makes renames and removals in the directories of `paths` outlast a power cut. */
export async function syncDirectories(paths: readonly string[]): Promise<void> {
  const directories = new Set(paths.map((path) => dirname(path)));
  await Promise.all([...directories].map(syncPath));
}

/** Waits until a file's bytes, or a directory's entries, are on the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Removes a file, or the link that lies there, if there is one. rmSync() looks at what it removes first, and
 * costs some ten times as much.
 *
 * @throws any other error of the file system
 */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

export const isNotFound = (error: unknown): boolean =>
  (error as { readonly code?: unknown }).code === "ENOENT";
