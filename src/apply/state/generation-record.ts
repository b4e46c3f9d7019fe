import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import {
  type OnUnusable,
  openStateDirectory,
  readStateJson,
  writeStateFile,
} from "../disk/state-directory.ts";
import type { Statuses, View } from "../guard/view.ts";

const statusSchema = z.enum([
  "passing",
  "warning",
  "critical",
  "maintenance",
  "unreachable",
  "unchecked",
]);
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
      /** When the catalog said so, in milliseconds since 1970. */
      catalogAtMs: z.number().default(0),
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

/** As JSON.stringify() would write it, were the view an object: of thousands of services most are as they were. */
function textOf({ live, ...record }: GenerationRecord): string {
  if (live === undefined) return JSON.stringify(record);
  const { view, ...rest } = live;
  const services = [...view].map(([name, all]) => `${JSON.stringify(name)}:${statusesText(all)}`);
  const liveText = `${JSON.stringify(rest).slice(0, -1)},"view":{${services.join(",")}}}`;
  return `${JSON.stringify(record).slice(0, -1)},"live":${liveText}}`;
}

const texts = new WeakMap<Statuses, string>();

function statusesText(statuses: Statuses): string {
  const known = texts.get(statuses) ?? JSON.stringify(statuses);
  texts.set(statuses, known);
  return known;
}

const recordPath = (state: string, proxy: string): string => join(state, proxy, "record.json");

/** Where version 0.1.0 kept it. */
const oldPath = (state: string, proxy: string): string => join(state, `${proxy}.json`);
