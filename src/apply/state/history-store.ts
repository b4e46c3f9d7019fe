import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FILE_FORMATS } from "../../config/file-format.ts";
import type { Output } from "../../template/render/render-files.ts";
import {
  type OnUnusable,
  openStateDirectory,
  readStateFile,
  readStateJson,
} from "../disk/state-directory.ts";

const entrySchema = z.object({
  number: z.int(),
  id: z.string(),
  /** When it ended, ISO 8601. */
  at: z.string(),
  result: z.enum(["live", "refused", "failed"]),
  /** How often it was tried. */
  attempts: z.int(),
  cause: z.object({
    change: z.string(),
    queries: z.array(z.string()),
    isByTemplate: z.boolean(),
    rollbackTo: z.int().optional(),
  }),
  /** Of each step, in milliseconds. */
  timings: z.record(z.string(), z.number()),
  /** Why it did not go live. */
  message: z.string().optional(),
  hint: z.string().optional(),
  files: z.array(
    z.object({
      path: z.string(),
      format: z.enum(FILE_FORMATS),
      mode: z.int(),
      bytes: z.int(),
    }),
  ),
});

/** One generation of a proxy's history, without the texts of its files. */
export type HistoryEntry = Readonly<z.infer<typeof entrySchema>>;

const UNFINISHED = ".new";

/*
 * The generations of one proxy on disk: DIRECTORY/NUMBER/generation.json, and beside it the files' texts by
 * their position. Nothing waits for the disk: after a power cut the last entries may be gone, and what is not
 * whole counts as gone.
 */

/** Writes one generation, in one step. @throws the file system's error */
export function writeGeneration(
  directory: string,
  entry: HistoryEntry,
  outputs: readonly Output[],
): void {
  openStateDirectory(directory);
  const [path, beside] = [join(directory, String(entry.number)), join(directory, UNFINISHED)];
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { mode: 0o700 });
  const write = (name: string, text: string) =>
    writeFileSync(join(beside, name), text, { flag: "wx", mode: 0o600 });
  for (const [i, { text }] of outputs.entries()) write(String(i), text);
  write("generation.json", `${JSON.stringify(entry, null, 2)}\n`);
  rmSync(path, { recursive: true, force: true });
  renameSync(beside, path);
}

/** All that can be read, the newest first; what a death left unfinished is removed. @throws the file system's error */
export function readEntries(directory: string, onUnusable: OnUnusable): readonly HistoryEntry[] {
  openStateDirectory(directory);
  rmSync(join(directory, UNFINISHED), { recursive: true, force: true });
  return readdirSync(directory)
    .filter((name) => /^\d+$/.test(name))
    .map((name) => join(directory, name, "generation.json"))
    .flatMap((path) => readStateJson(path, entrySchema, onUnusable) ?? [])
    .toSorted((a, b) => b.number - a.number);
}

/** The files of a generation; `undefined` when they are not all there and whole. */
export function readOutputs(directory: string, entry: HistoryEntry): readonly Output[] | undefined {
  const outputs = entry.files.map(({ path, format, mode, bytes }, i) => {
    const text = readStateFile(join(directory, String(entry.number), String(i)));
    if (text === undefined || Buffer.byteLength(text) !== bytes) return undefined;
    return { path, format, mode, text };
  });
  return outputs.every((it) => it !== undefined) ? outputs : undefined;
}

export function removeGeneration(directory: string, number: number): void {
  rmSync(join(directory, String(number)), { recursive: true, force: true });
}
