import { renameSync } from "node:fs";
import { AppError, messageOf } from "../errors.ts";
import {
  type FileState,
  readState,
  removeIfThere,
  restoreState,
  syncDirectories,
} from "./durable-file.ts";
import type { StagedFile } from "./stage.ts";

/** A swap that is done. */
export interface Swapped {
  /** Resolves once the swap outlasts a power cut. @throws {AppError} SWAP */
  durable(): Promise<void>;
  /** Puts everything back to what was there before: byte for byte, and durable. */
  undo(): Promise<void>;
}

/**
 * Renames all staged files to where they live and removes the files that are gone, or changes nothing.
 *
 * @throws {AppError} SWAP, after everything is as it was
 */
export async function swap(
  staged: readonly StagedFile[],
  removed: readonly string[],
): Promise<Swapped> {
  const paths = [...staged.map(({ target }) => target), ...removed];
  const before = new Map<string, FileState>();
  const undo = async () => await putBack(before);
  try {
    for (const path of paths) before.set(path, readState(path));
    for (const { stagedPath, target } of staged) renameSync(stagedPath, target);
    for (const path of removed) await removeIfThere(path);
    return { undo, durable: async () => await durable(paths) };
  } catch (cause) {
    await undo();
    throw new AppError("SWAP", `Cannot put the new files in place as ${messageOf(cause)}`, {
      hint: "See that this user may write the files and their directories",
      cause,
    });
  }
}

async function durable(paths: readonly string[]): Promise<void> {
  try {
    await syncDirectories(paths);
  } catch (cause) {
    throw new AppError(
      "SWAP",
      `Cannot put the new files safely on the disk as ${messageOf(cause)}`,
      {
        hint: "See the disk's health and the kernel's log",
        cause,
      },
    );
  }
}

async function putBack(before: ReadonlyMap<string, FileState>): Promise<void> {
  try {
    for (const [path, state] of before) await restoreState(path, state);
    await syncDirectories([...before.keys()]);
  } catch (cause) {
    throw new AppError("SWAP", `Cannot put the previous files back as ${messageOf(cause)}`, {
      hint: "Mend what the message names; the new files passed the check, and Fairlead tries again by itself",
      cause,
    });
  }
}
