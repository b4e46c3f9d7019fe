import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { removeFile } from "../../apply/disk/durable-file.ts";
import {
  type OnUnusable,
  readStateJson,
  removeStateFile,
} from "../../apply/disk/state-directory.ts";
import { AppError } from "../../errors.ts";

const recordSchema = z.object({
  pid: z.int().min(2),
  startTicks: z.int(),
  command: z.array(z.string()),
});

/** The running child, recorded where the next start of Fairlead finds it. */
export type ChildRecord = Readonly<z.infer<typeof recordSchema>>;

/** Reads the record of the last run. A missing file means no child. So does a file that is no record, which is reported. */
export function readChildRecord(path: string, onUnusable: OnUnusable): ChildRecord | undefined {
  try {
    return readStateJson(path, recordSchema, onUnusable);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    onUnusable(error);
    return undefined;
  }
}

/**
 * Records the child synchronously: Fairlead may be killed at any moment, and the next start must know its child.
 *
 * @throws the file system's error
 */
export function writeChildRecord(path: string, record: ChildRecord): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  removeFile(`${path}.new`); // it may be a link
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`, { flag: "wx", mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export const removeChildRecord = (path: string): void => removeStateFile(path);
