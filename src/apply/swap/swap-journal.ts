import { existsSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { removeFile, syncPath } from "../disk/durable-file.ts";
import {
  type OnUnusable,
  openStateDirectory,
  readStateJson,
  stateError,
} from "../disk/state-directory.ts";
import type { Generation } from "../proxy-driver.ts";
import { type Change, changesSchema } from "./changes.ts";

const entrySchema = z.object({
  generation: z.object({ number: z.int(), id: z.string(), paths: z.array(z.string()) }),
  changes: changesSchema,
});

/** A swap that is about to happen, happens, or was not seen to its end. */
export interface SwapEntry {
  readonly generation: Generation;
  readonly changes: readonly Change[];
}

/**
 * What a swap is about to do, on the disk before it does anything: a later start that finds an entry knows each file that may
 * lie around, and what is needed to finish or to undo. There is one entry at most.
 */
export interface SwapJournal {
  /** Where previous files are copied to, when they cannot be kept beside the live ones. */
  readonly copies: string;
  /** The entry of a swap that was not seen to its end. */
  entry(): SwapEntry | undefined;
  /**
   * Writes an entry in place of an earlier one, and removes what that left behind.
   *
   * @throws {AppError} SWAP when the state directory cannot be used
   */
  begin(entry: SwapEntry): void;
  /** Resolves once the entry outlasts a power cut. @throws the file system's error */
  sync(): Promise<void>;
  /** Removes what is left of the swap beside the live files, and what it kept of the previous ones. Never throws. */
  tidy(): void;
  /** Ends the entry, after {@link SwapJournal.tidy}. One that cannot be removed is examined at the next start. */
  end(): void;
}

/**
 * Opens the journal of one proxy.
 *
 * @param directory the proxy's directory of the state
 * @throws {AppError} SWAP when the state directory cannot be used
 */
export function openJournal(directory: string, onUnusable: OnUnusable): SwapJournal {
  const path = join(directory, "journal.json");
  const copies = join(directory, "previous");
  let current: SwapEntry | undefined = readStateJson(path, entrySchema, onUnusable);

  return {
    copies,
    entry: () => current,
    begin(entry) {
      tidy();
      try {
        openStateDirectory(directory);
        // One that is torn counts as none: nothing was touched before it was whole.
        removeFile(path);
        writeFileSync(path, JSON.stringify(entry), { flag: "wx", mode: 0o600 });
      } catch (cause) {
        throw cause instanceof AppError ? cause : stateError(directory, cause);
      }
      current = entry;
    },
    async sync() {
      await syncPath(path);
      await syncPath(dirname(path));
    },
    tidy,
    end() {
      tidy();
      quietly(() => removeFile(path));
      current = undefined;
    },
  };

  function tidy(): void {
    for (const { stagedPath, previousPath } of current?.changes ?? []) {
      quietly(() => removeFile(stagedPath));
      quietly(() => removeFile(previousPath));
    }
    if (existsSync(copies)) quietly(() => rmSync(copies, { recursive: true, force: true }));
  }
}

function quietly(remove: () => void): void {
  try {
    remove();
  } catch {
    // A directory that nothing can be removed from: the next swap will say so.
  }
}
