import { rm } from "node:fs/promises";
import { openStateDirectory, stateError } from "../../apply/disk/state-directory.ts";
import { makeTemporaryDirectory } from "../../apply/disk/temporary-directory.ts";
import type { Candidate } from "../../apply/proxy-driver.ts";
import { buildCheckTree, type CheckTree } from "./check-tree.ts";

/** The check tree of one nginx. It is kept as long as nothing changes that it was built from. */
export interface CheckTrees {
  /** The tree that was built last. Its {@link CheckTree.sources} tell whether it fits a candidate. */
  kept(): CheckTree | undefined;
  /**
   * Builds trees in `home` from now on, a directory that nothing else uses, and removes what a killed process left
   * there. Until then a tree is built in a temporary directory.
   *
   * @throws {AppError} SWAP when `home` cannot be used
   */
  moveTo(home: string): Promise<void>;
  /** Builds a tree and removes the one before. @throws {AppError} CHECK_UNAVAILABLE */
  build(candidate: Candidate): Promise<CheckTree>;
  /** Removes the tree from the disk. */
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
