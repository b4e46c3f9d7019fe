import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { z } from "zod";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import { AppError, messageOf } from "../../errors.ts";

/** Answers of an earlier run, by their query's canonical text. */
export interface LastKnownGood {
  readonly savedAt: Date;
  readonly answers: ReadonlyMap<string, KeptAnswer>;
}

/** An answer to keep. */
export interface KeptAnswer {
  readonly query: Query;
  readonly value: AnswerValue;
  /** When it was saved, where that was by a run before the one that saved the others. */
  readonly savedAt?: Date;
}

const SCHEMA = 2;
/** A symbolic link is not followed: somebody else may have made it. */
const UNFOLLOWED = {
  encoding: "utf8",
  flag: constants.O_RDONLY | constants.O_NOFOLLOW,
} as const;
/** Answers that are turned into text at a time: other work runs in between. */
const CHUNK = 100;

const date = z.iso.datetime().transform((text) => new Date(text));

const fileSchema = z.object({
  schema: z.literal(SCHEMA),
  savedAt: date,
  answers: z.array(
    z.object({
      query: z.looseObject({ kind: z.string() }),
      value: z.unknown(),
      savedAt: date.optional(),
    }),
  ),
  /** Of all text before it: the values are used without a check, so they must be the written ones. */
  sha256: z.string(),
});

/**
 * Reads the last known good answers; `undefined` when there are none.
 *
 * @throws {AppError} CATALOG when the file is not readable, or not complete, or of another version
 */
export async function readLastKnownGood(path: string): Promise<LastKnownGood | undefined> {
  try {
    const text = await readFile(path, UNFOLLOWED);
    const file = fileSchema.parse(JSON.parse(text));
    const hashed = text.slice(0, text.lastIndexOf(END));
    if (file.sha256 !== sha256().update(hashed).digest("hex")) {
      throw new Error("it is not what Fairlead wrote");
    }
    const answers = file.answers as unknown as readonly KeptAnswer[];
    return {
      savedAt: file.savedAt,
      answers: new Map(answers.map((answer) => [queryText(answer.query), answer])),
    };
  } catch (cause) {
    if ((cause as { readonly code?: unknown }).code === "ENOENT") return undefined;
    throw fileError("use", path, cause);
  }
}

/**
 * Writes the answers so that the file is the old one or the new one, even after a power cut. Readable by this
 * user alone: answers may hold secrets.
 *
 * @throws {AppError} CATALOG
 */
export async function writeLastKnownGood(
  path: string,
  answers: readonly KeptAnswer[],
  savedAt: Date,
): Promise<void> {
  const beside = `${path}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(beside, { force: true });
    const file = await open(beside, "wx", 0o600);
    try {
      for (const chunk of textOf(answers, savedAt)) {
        await file.write(chunk);
        await yieldToOthers();
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    throw fileError("write", path, cause);
  }
}

/** Makes a rename in the directory outlast a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function* textOf(answers: readonly KeptAnswer[], savedAt: Date): Iterable<string> {
  const hash = sha256();
  for (const chunk of hashedText(answers, savedAt)) {
    hash.update(chunk);
    yield chunk;
  }
  yield `${END}${hash.digest("hex")}"}\n`;
}

function* hashedText(answers: readonly KeptAnswer[], savedAt: Date): Iterable<string> {
  yield `{"schema":${SCHEMA},"savedAt":${JSON.stringify(savedAt)},"answers":[`;
  for (let i = 0; i < answers.length; i += CHUNK) {
    const chunk = answers.slice(i, i + CHUNK).map((answer) => JSON.stringify(answer));
    yield `${i === 0 ? "\n" : ",\n"}${chunk.join(",\n")}`;
  }
}

const END = '\n],"sha256":"';
const sha256 = (): Hash => createHash("sha256");

function fileError(action: string, path: string, cause: unknown): AppError {
  const reason = cause instanceof z.ZodError ? "it is of another version" : messageOf(cause);
  return new AppError(
    "CATALOG",
    `Cannot ${action} the last known good catalog "${path}" as ${reason}`,
    {
      hint: "Remove the file, and check that this user may write in `state`",
      cause,
    },
  );
}
