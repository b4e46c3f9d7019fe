import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Candidate } from "../../apply/proxy-driver.ts";
import { buildCheckTree, type CheckTree } from "./check-tree.ts";

/** The check trees of one nginx: one at a time, kept as long as nothing that it was made from changed. */
export interface CheckTrees {
  /** The tree that is there, if it was made for such a candidate. Whether it is still right is to be asked. */
  kept(): CheckTree | undefined;
  /** Builds a tree in place of the one that is there. @throws {AppError} CHECK_UNAVAILABLE */
  build(candidate: Candidate): Promise<CheckTree>;
  /** Removes what is on the disk. */
  close(): Promise<void>;
}

export function createCheckTrees(mainFile: string): CheckTrees {
  let directory: string | undefined;
  let tree: CheckTree | undefined;

  return {
    kept: () => tree,
    async build(candidate) {
      await close();
      directory = await mkdtemp(join(tmpdir(), "fairlead-check-"));
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
