import { rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import {
  type OnUnusable,
  openStateDirectory,
  readStateJson,
  writeStateFile,
} from "../disk/state-directory.ts";
import { EMPTY_VIEW, type Entries, type Statuses, type View } from "../guard/view.ts";

const statusSchema = z.enum([
  "passing",
  "warning",
  "critical",
  "maintenance",
  "unreachable",
  "unchecked",
]);
const viewSchema = z
  .object({
    instances: z.record(z.string(), z.record(z.string(), statusSchema)),
    lists: z.record(z.string(), z.array(z.string())),
  })
  .transform(
    ({ instances, lists }): View => ({
      instances: new Map(Object.entries(instances)),
      lists: new Map(Object.entries(lists).map(([group, all]) => [group, new Set(all)])),
    }),
  )
  // Another form, such as an earlier version's, says nothing of what was seen.
  .catch(EMPTY_VIEW);

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
 * one, counts as none: then everything is checked and proved again.
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
  const viewText = `{"instances":${mapText(view.instances)},"lists":${mapText(view.lists)}}`;
  const liveText = `${JSON.stringify(rest).slice(0, -1)},"view":${viewText}}`;
  return `${JSON.stringify(record).slice(0, -1)},"live":${liveText}}`;
}

const mapText = (map: ReadonlyMap<string, Statuses | Entries>): string =>
  `{${[...map].map(([group, seen]) => `${JSON.stringify(group)}:${seenText(seen)}`).join(",")}}`;

const texts = new WeakMap<Statuses | Entries, string>();

function seenText(seen: Statuses | Entries): string {
  const known = texts.get(seen) ?? JSON.stringify(seen instanceof Set ? [...seen] : seen);
  texts.set(seen, known);
  return known;
}

const recordPath = (state: string, proxy: string): string => join(state, proxy, "record.json");

/** Where version 0.1.0 kept it. */
const oldPath = (state: string, proxy: string): string => join(state, `${proxy}.json`);
