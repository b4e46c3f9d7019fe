import { rmSync } from "node:fs";
import { AppError, messageOf } from "../../errors.ts";
import { syncDirectories, syncPath } from "../disk/durable-file.ts";
import type { Change } from "./changes.ts";
import { keepPrevious, putBack, replaceFile } from "./keep-previous.ts";
import type { SwapJournal } from "./swap-journal.ts";

/** A swap that is done. */
export interface Swapped {
  /** Files that could not be renamed over, as they are mounted by themselves, and were written in place. */
  readonly inPlace: readonly string[];
  /** Resolves once the swap outlasts a power cut. @throws {AppError} SWAP */
  durable(): Promise<void>;
  /** Puts everything back to what was there before: byte for byte, and durable. @throws {AppError} UNDO */
  undo(): Promise<void>;
}

/**
 * Makes ready for {@link swap}: keeps the previous files, and puts on the disk what must be there before the first of
 * several renames. One rename is whole by itself, and needs the new bytes only.
 *
 * @throws {AppError} SWAP
 */
export async function readySwap(changes: readonly Change[], journal: SwapJournal): Promise<void> {
  try {
    const copies = changes.flatMap((change, index) => {
      const copy = keepPrevious(change, { copies: journal.copies, index });
      return copy === undefined ? [] : [copy];
    });
    const staged = changes.filter(({ after }) => after !== undefined).map((it) => it.stagedPath);
    const isWholeByItself = changes.length <= 1 && copies.length === 0;
    await Promise.all([
      ...[...staged, ...copies].map(syncPath),
      ...(isWholeByItself
        ? []
        : [journal.sync(), syncDirectories([...changes.map((it) => it.previousPath), ...copies])]),
    ]);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("SWAP", `Cannot get ready to change the files as ${messageOf(cause)}`, {
      hint: "See that this user may write in the directories of the files, and that there is room",
      cause,
    });
  }
}

/**
 * Renames all staged files to where they live and removes the files that are gone, or changes nothing.
 *
 * @throws {AppError} SWAP, after everything is as it was, or UNDO when that failed
 */
export async function swap(changes: readonly Change[], journal: SwapJournal): Promise<Swapped> {
  const swapped = swappedBy(changes, journal);
  try {
    const inPlace: string[] = [];
    for (const { target, stagedPath, after } of changes) {
      if (after === undefined) rmSync(target);
      else if (replaceFile(stagedPath, target)) inPlace.push(target);
    }
    return { ...swapped, inPlace };
  } catch (cause) {
    await swapped.undo();
    throw new AppError("SWAP", `Cannot put the new files in place as ${messageOf(cause)}`, {
      hint: "See that this user may write the files and their directories",
      cause,
    });
  }
}

/** The swap of these changes, after it was done. */
export function swappedBy(changes: readonly Change[], journal: SwapJournal): Swapped {
  return {
    inPlace: [],
    async durable() {
      try {
        await syncDirectories(changes.map(({ target }) => target));
      } catch (cause) {
        throw new AppError(
          "SWAP",
          `Cannot put the new files safely on the disk as ${messageOf(cause)}`,
          { hint: "See the disk's health and the kernel's log", cause },
        );
      }
    },
    async undo() {
      try {
        await putAllBack(changes, journal);
        await syncDirectories(changes.map(({ target }) => target));
      } catch (cause) {
        throw new AppError("UNDO", `Cannot put the previous files back as ${messageOf(cause)}`, {
          hint: "Mend what the message names; the new files passed the check, and Fairlead tries again by itself",
          cause,
        });
      }
    },
  };
}

/** As many as can be, also when one cannot. */
async function putAllBack(changes: readonly Change[], { copies }: SwapJournal): Promise<void> {
  const errors: unknown[] = [];
  for (const [index, change] of changes.entries()) {
    await putBack(change, { copies, index }).catch((error: unknown) => errors.push(error));
  }
  if (errors.length > 0) throw errors[0];
}
