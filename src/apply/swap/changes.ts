import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { Output } from "../../template/render/render-files.ts";
import { hashOf, isNotFound, isSame, readState } from "../disk/durable-file.ts";

const changeSchema = z.object({
  /** What the proxy reads, or what that links to: where the new file goes. */
  target: z.string(),
  /** Beside it: the new file until it is renamed, and a second name of the previous one until the swap is over. */
  stagedPath: z.string(),
  previousPath: z.string(),
  /** Hashes of the bytes before and after; none where there is no file. */
  before: z.object({ hash: z.string(), mode: z.int(), uid: z.int(), gid: z.int() }).optional(),
  after: z.string().optional(),
});

/** One file that a swap puts in place, replaces or removes. */
export type Change = Readonly<z.infer<typeof changeSchema>>;

export const changesSchema = z.array(changeSchema);

/** A rendered file with the change that puts it in place. */
export interface ChangedOutput {
  readonly output: Output;
  readonly bytes: Buffer;
  readonly change: Change;
}

/**
 * What has to change on the disk for these outputs: files that are there already, byte for byte, do not.
 *
 * @param removed absolute paths of files that go
 * @throws the file system's error
 */
export function planChanges(
  outputs: readonly Output[],
  removed: readonly string[],
): { readonly changed: readonly ChangedOutput[]; readonly changes: readonly Change[] } {
  const changed = outputs.flatMap((output): readonly ChangedOutput[] => {
    const target = targetOf(output.path);
    const state = readState(target);
    const bytes = Buffer.from(output.text);
    if (isSame(state, bytes, output.mode)) return [];
    return [{ output, bytes, change: changeOf(target, state, hashOf(bytes)) }];
  });
  const gone = removed.flatMap((path): readonly Change[] => {
    const state = readState(path);
    return state === undefined ? [] : [changeOf(path, state, undefined)];
  });
  return { changed, changes: [...changed.map(({ change }) => change), ...gone] };
}

/** Names that start with a dot: no `*.conf` matches them. */
export const stagedPathOf = (target: string): string => beside(target, "new");

/** Through a symbolic link to what it names. */
export function targetOf(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (isNotFound(error)) return path;
    throw error;
  }
}

function changeOf(
  target: string,
  state: ReturnType<typeof readState>,
  after: string | undefined,
): Change {
  return {
    target,
    stagedPath: stagedPathOf(target),
    previousPath: beside(target, "previous"),
    before:
      state === undefined
        ? undefined
        : { hash: hashOf(state.bytes), mode: state.mode, uid: state.uid, gid: state.gid },
    after,
  };
}

const beside = (target: string, what: string): string =>
  join(dirname(target), `.${basename(target)}.fairlead-${what}`);
