import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import {
  type OnUnusable,
  openStateDirectory,
  readStateJson,
  writeStateFile,
} from "./state-directory.ts";
import type { View } from "./view.ts";

const statusSchema = z.enum(["passing", "warning", "critical", "maintenance", "unreachable"]);
const viewSchema = z
  .record(z.string(), z.record(z.string(), statusSchema))
  .transform((view): View => new Map(Object.entries(view)));

const recordSchema = z.object({
  /** The highest number given to a generation so far. */
  number: z.int().min(0),
  /** The generation whose files are in place, when that is not the live one: nothing was there to serve it. */
  placed: z.object({ number: z.int(), id: z.string(), paths: z.array(z.string()) }).optional(),
  /** The generation that went live last. */
  live: z
    .object({
      number: z.int(),
      id: z.string(),
      paths: z.array(z.string()),
      proof: z.object({ evidence: z.string(), identity: z.string() }),
      view: viewSchema,
      at: z.string(),
    })
    .optional(),
});

/** What is known of a proxy's generations across restarts. */
export type GenerationRecord = Readonly<z.infer<typeof recordSchema>>;

/**
 * Reads a proxy's record from its directory of the state. A record that is not there, or not readable as
 * one, counts as none: then everything is checked and proved anew.
 *
 * @throws {AppError} SWAP when the state directory cannot be used
 */
export function readRecord(state: string, proxy: string, onUnusable: OnUnusable): GenerationRecord {
  const read = (path: string) => readStateJson(path, recordSchema, onUnusable);
  return read(recordPath(state, proxy)) ?? read(oldPath(state, proxy)) ?? { number: 0 };
}

/** Writes a proxy's record, durable, readable by this user alone. @throws {AppError} SWAP */
export async function writeRecord(
  state: string,
  proxy: string,
  record: GenerationRecord,
): Promise<void> {
  openStateDirectory(state);
  openStateDirectory(join(state, proxy));
  await writeStateFile(recordPath(state, proxy), `${textOf(record)}\n`);
  rmSync(oldPath(state, proxy), { force: true });
}

const textOf = ({ live, ...record }: GenerationRecord): string =>
  JSON.stringify({ ...record, live: live && { ...live, view: Object.fromEntries(live.view) } });

const recordPath = (state: string, proxy: string): string => join(state, proxy, "record.json");

/** Where version 0.1.0 kept it. */
const oldPath = (state: string, proxy: string): string => join(state, `${proxy}.json`);
