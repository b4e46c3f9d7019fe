import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { AppError, messageOf } from "../errors.ts";
import { isNotFound, writeDurably } from "./durable-file.ts";
import { writeHint } from "./write-hint.ts";

const statusSchema = z.enum(["passing", "warning", "critical", "maintenance"]);
const viewSchema = z.record(z.string(), z.record(z.string(), statusSchema));

const recordSchema = z.object({
  /** The highest number given to a generation so far. */
  number: z.int().min(0),
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
 * Reads a proxy's record from the state directory. A record that is not there, or not readable as one,
 * counts as none: then everything is checked and proved anew.
 *
 * @throws {AppError} SWAP when the state directory cannot be used
 */
export async function readRecord(state: string, proxy: string): Promise<GenerationRecord> {
  try {
    const text = await readFile(recordPath(state, proxy), "utf8");
    return recordSchema.parse(JSON.parse(text));
  } catch (cause) {
    if (isNotFound(cause) || cause instanceof SyntaxError || cause instanceof z.ZodError)
      return { number: 0 };
    throw stateError(state, cause);
  }
}

/** Writes a proxy's record, durable, readable by this user alone. @throws {AppError} SWAP */
export async function writeRecord(
  state: string,
  proxy: string,
  record: GenerationRecord,
): Promise<void> {
  const path = recordPath(state, proxy);
  try {
    await mkdir(state, { recursive: true, mode: 0o700 });
    await writeDurably(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, 0o600);
    await rename(`${path}.new`, path);
  } catch (cause) {
    throw stateError(state, cause);
  }
}

const recordPath = (state: string, proxy: string): string => join(state, `${proxy}.json`);

function stateError(state: string, cause: unknown): AppError {
  return new AppError("SWAP", `Cannot use the state directory "${state}" as ${messageOf(cause)}`, {
    hint: writeHint(cause, state),
    cause,
  });
}
