import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

const recordSchema = z.object({
  pid: z.int().min(2),
  startTicks: z.int(),
  command: z.array(z.string()),
});

/** The child that runs, kept where the next start of Fairlead finds it. */
export type ChildRecord = Readonly<z.infer<typeof recordSchema>>;

/** Reads what the last run noted. A file that is not there, or not readable as a record, tells of no child. */
export function readChildRecord(path: string): ChildRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

/**
 * Notes the child at once: Fairlead may be ended any moment, and its child would be forgotten.
 *
 * @throws the file system's error
 */
export function writeChildRecord(path: string, record: ChildRecord): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeChildRecord(path: string): void {
  rmSync(path, { force: true });
}
