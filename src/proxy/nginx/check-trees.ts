import { rm } from "node:fs/promises";
import { openStateDirectory, stateError } from "../../apply/disk/state-directory.ts";
import { makeTemporaryDirectory } from "../../apply/disk/temporary-directory.ts";
import type { Candidate } from "../../apply/proxy-driver.ts";
import { buildCheckTree, type CheckTree } from "./check-tree.ts";

/** The check trees of one nginx: one at a time, kept as long as nothing that it was made from changed. */
export interface CheckTrees {
  /** The tree that is there, if it was made for such a candidate. Whether it is still right is to be asked. */
  kept(): CheckTree | undefined;
  /**
   * Builds in `home` from now on, which nobody else uses, and removes what a process that was killed left there.
   * Until then they are in a temporary directory of their own.
   *
   * @throws {AppError} SWAP when that cannot be used
   */
  moveTo(home: string): Promise<void>;
  /** Builds a tree in place of the one that is there. @throws {AppError} CHECK_UNAVAILABLE */
  build(candidate: Candidate): Promise<CheckTree>;
  /** Removes what is on the disk. */
  close(): Promise<void>;
}

export function createCheckTrees(mainFile: string): CheckTrees {
  let home: string | undefined;
  let directory: string | undefined;
  let tree: CheckTree | undefined;

  return {
    kept: () => tree,
    async moveTo(to) {
      await close();
      home = to;
      try {
        await rm(home, { recursive: true, force: true });
      } catch (cause) {
        throw stateError(home, cause);
      }
    },
    async build(candidate) {
      await close();
      directory = home ?? (await makeTemporaryDirectory("check"));
      openStateDirectory(directory);
      tree = await buildCheckTree(mainFile, { candidate, directory });
      return tree;
    },
    close,
  };

  async function close(): Promise<void> {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    directory = undefined;
    tree = undefined;
  }
}
