import { rename } from "node:fs/promises";
import { AppError, messageOf } from "../errors.ts";
import {
  type FileState,
  readState,
  removeIfThere,
  restoreState,
  syncDirectories,
} from "./durable-file.ts";
import type { StagedFile } from "./stage.ts";

/** Puts everything back to what was there before the swap. Byte for byte, and durable. */
export type Undo = () => Promise<void>;

/**
 * Renames all staged files to where they live and removes the files that are gone, or changes nothing.
 *
 * @returns the way back
 * @throws {AppError} SWAP, after everything is as it was
 */
export async function swap(
  staged: readonly StagedFile[],
  removed: readonly string[],
): Promise<Undo> {
  const paths = [...staged.map(({ target }) => target), ...removed];
  const before = new Map<string, FileState>();
  for (const path of paths) before.set(path, await readState(path));
  const undo = async () => {
    for (const [path, state] of before) await restoreState(path, state);
    await syncDirectories(paths);
  };
  try {
    for (const { stagedPath, target } of staged) await rename(stagedPath, target);
    for (const path of removed) await removeIfThere(path);
    await syncDirectories(paths);
    return undo;
  } catch (cause) {
    await undo();
    throw new AppError("SWAP", `Cannot put the new files in place as ${messageOf(cause)}`, {
      hint: "See that this user may write the files and their directories",
      cause,
    });
  }
}
