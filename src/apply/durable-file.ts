import { readFileSync, statSync } from "node:fs";
import { chmod, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** What was at a path: bytes and permission bits, or nothing. */
export type FileState = { readonly bytes: Buffer; readonly mode: number } | undefined;

/** Reads what is at `path`. @throws the file system's error, unless it is that nothing is there. */
export function readState(path: string): FileState {
  try {
    return { bytes: readFileSync(path), mode: statSync(path).mode & 0o7777 };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Writes a file so that its bytes and mode outlast a power cut. */
export async function writeDurably(
  path: string,
  bytes: string | Buffer,
  mode: number,
): Promise<void> {
  const handle = await open(path, "w", mode);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await chmod(path, mode); // open() applies the umask
}

/** Puts a state back at `path` in one step: the old file stays until the new one is whole. */
export async function restoreState(path: string, state: FileState): Promise<void> {
  if (state === undefined) {
    await removeIfThere(path);
    return;
  }
  const beside = `${path}.fairlead-restore`;
  await writeDurably(beside, state.bytes, state.mode);
  await rename(beside, path);
}

export async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

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

export const isNotFound = (error: unknown): boolean =>
  (error as { readonly code?: unknown }).code === "ENOENT";

/** Whether the live files are, byte for byte and mode for mode, these. One that cannot be read is not. */
export function areInPlace(
  files: readonly { readonly path: string; readonly text: string; readonly mode: number }[],
): boolean {
  try {
    return files.every(({ path, text, mode }) => {
      const state = readState(path);
      return state?.mode === mode && state.bytes.equals(Buffer.from(text));
    });
  } catch {
    return false;
  }
}
