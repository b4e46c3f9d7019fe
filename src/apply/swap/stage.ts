import { chmodSync, chownSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError, messageOf } from "../../errors.ts";
import type { Output } from "../../template/render/render-files.ts";
import { removeFile } from "../disk/durable-file.ts";
import { writeHint } from "../disk/write-hint.ts";
import type { CandidateFile } from "../proxy-driver.ts";
import { type Change, type ChangedOutput, stagedPathOf, targetOf } from "./changes.ts";

/**
 * Writes changed outputs beside the files that they replace, so that what is checked is what is renamed, and a full
 * disk shows before anything is changed. A file that belongs to somebody else goes on doing so.
 *
 * @throws {AppError} SWAP
 */
export function stageChanges(changed: readonly ChangedOutput[]): void {
  try {
    for (const { output, bytes, change } of changed) {
      writeStaged(change.stagedPath, bytes, output.mode);
      giveTo(change.before, change.stagedPath);
    }
  } catch (cause) {
    throw stageError(cause);
  }
}

/** All files of a candidate of which only some are changed: the others are checked where they are. */
export function candidateFiles(
  outputs: readonly Output[],
  changed: readonly ChangedOutput[],
): readonly CandidateFile[] {
  const staged = new Map(changed.map(({ output, change }) => [output.path, change.stagedPath]));
  return outputs.map(({ path, text, format }) => ({
    path,
    stagedPath: staged.get(path) ?? path,
    text,
    format,
  }));
}

/**
 * Writes outputs for a check alone: beside the live files, or in a directory.
 *
 * @param options.directory stage there instead, for a check that must leave the live directories alone
 * @throws {AppError} SWAP, with nothing left behind
 */
export async function stage(
  outputs: readonly Output[],
  options: { readonly directory?: string } = {},
): Promise<readonly CandidateFile[]> {
  const staged: CandidateFile[] = [];
  try {
    for (const [i, { path, text, format, mode }] of outputs.entries()) {
      const target = targetOf(path);
      const stagedPath =
        options.directory === undefined
          ? stagedPathOf(target)
          : join(options.directory, `${i}-${basename(target)}`);
      staged.push({ path, stagedPath, text, format });
      writeStaged(stagedPath, text, mode);
    }
    return staged;
  } catch (cause) {
    unstage(staged);
    throw stageError(cause);
  }
}

/** Removes what {@link stage} wrote. */
export function unstage(staged: readonly CandidateFile[]): void {
  for (const { stagedPath } of staged) removeFile(stagedPath);
}

/** At once: into the page cache that takes microseconds. The disk is waited for beside the check. */
function writeStaged(path: string, content: string | Buffer, mode: number): void {
  removeFile(path); // what a link there names is not to be written
  writeFileSync(path, content, { flag: "wx", mode });
  chmodSync(path, mode); // writing applies the umask
}

/** Only root may give a file away; to others its new owner is themselves. */
function giveTo(before: Change["before"], path: string): void {
  if (before === undefined) return;
  const { uid, gid } = statSync(path);
  if (uid === before.uid && gid === before.gid) return;
  try {
    chownSync(path, before.uid, before.gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

export function stageError(cause: unknown): AppError {
  const path = (cause as { readonly path?: string }).path ?? "";
  return new AppError("SWAP", `Cannot write beside the live files as ${messageOf(cause)}`, {
    hint: writeHint(cause, dirname(path)),
    cause,
  });
}
