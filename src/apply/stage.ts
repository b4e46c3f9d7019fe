import { chmodSync, realpathSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError, messageOf } from "../errors.ts";
import type { Output } from "../template/render-files.ts";
import { isNotFound, removeIfThere, syncPath } from "./durable-file.ts";
import type { CandidateFile } from "./proxy-driver.ts";
import { writeHint } from "./write-hint.ts";

/** A candidate's file with where the rename goes: through a symbolic link to what it names. */
export interface StagedFile extends CandidateFile {
  readonly target: string;
}

/**
 * Writes outputs beside the files that they would replace, so that what is checked is what is renamed, and
 * a full disk shows before anything is changed. The names start with a dot: no `*.conf` matches them.
 *
 * @param options.directory stage there instead, for a check that must leave the live directories alone
 * @throws {AppError} SWAP, with nothing left behind
 */
export async function stage(
  outputs: readonly Output[],
  options: { readonly directory?: string } = {},
): Promise<readonly StagedFile[]> {
  const staged: StagedFile[] = [];
  try {
    for (const [i, output] of outputs.entries()) {
      const target = targetOf(output.path);
      const stagedPath =
        options.directory === undefined
          ? join(dirname(target), `.${basename(target)}.fairlead-new`)
          : join(options.directory, `${i}-${basename(target)}`);
      staged.push({ path: output.path, target, stagedPath, format: output.format });
      // At once: into the page cache that takes microseconds. The disk is waited for beside the check.
      writeFileSync(stagedPath, output.text, { mode: output.mode });
      chmodSync(stagedPath, output.mode); // writing applies the umask
    }
    return staged;
  } catch (cause) {
    await unstage(staged).catch(() => undefined);
    throw stageError(cause);
  }
}

/**
 * Makes what {@link stage} wrote outlast a power cut: before the swap, and beside the check.
 *
 * @throws {AppError} SWAP
 */
export async function syncStaged(staged: readonly StagedFile[]): Promise<void> {
  try {
    await Promise.all(staged.map(({ stagedPath }) => syncPath(stagedPath)));
  } catch (cause) {
    throw stageError(cause);
  }
}

/** Removes what {@link stage} wrote, where it was not renamed. */
export async function unstage(staged: readonly StagedFile[]): Promise<void> {
  for (const { stagedPath } of staged) await removeIfThere(stagedPath);
}

function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (isNotFound(error)) return path;
    throw error;
  }
}

function stageError(cause: unknown): AppError {
  const path = (cause as { readonly path?: string }).path ?? "";
  return new AppError("SWAP", `Cannot write beside the live files as ${messageOf(cause)}`, {
    hint: writeHint(cause, dirname(path)),
    cause,
  });
}
