import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parseConfigDocument } from "../config/config-document.ts";
import { formatFindings, toFindings } from "../config/config-findings.ts";
import { jsonSchemaOf } from "../config/known-keys.ts";
import { AppError, joinErrors, messageOf } from "../errors.ts";
import { type CaseFile, caseFileSchema } from "./case-schema.ts";

/** A valid file of cases. */
export interface LoadedCases {
  /** Its path, relative to the working directory if that is how it was named. */
  readonly file: string;
  /** Absolute; relative paths in the file start there. */
  readonly directory: string;
  readonly content: CaseFile;
}

/**
 * Finds and reads all `*.test.yaml` below a directory, or the one file that is named.
 *
 * @throws {AppError} CONFIG, naming every fault of every file with file:line:column
 */
export async function loadCases(at: string): Promise<readonly LoadedCases[]> {
  const loaded: LoadedCases[] = [];
  const errors: AppError[] = [];
  for (const file of await findCaseFiles(at)) {
    try {
      const directory = dirname(resolve(file));
      loaded.push({ file, directory, content: parseCases(await readFile(file, "utf8"), file) });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      errors.push(error);
    }
  }
  if (errors.length > 0) throw joinErrors(errors);
  return loaded;
}

/** @throws {AppError} CONFIG, naming every fault with file:line:column */
function parseCases(text: string, file: string): CaseFile {
  const parsed = parseConfigDocument(text, undefined);
  if ("findings" in parsed) throw invalid(formatFindings(file, parsed.findings));
  const { document } = parsed;
  const result = caseFileSchema.safeParse(document.data);
  if (result.success) return result.data;
  const subject = { document, schema: jsonSchemaOf(caseFileSchema), whole: "the file" };
  throw invalid(formatFindings(file, toFindings(result.error.issues, subject)));
}

const invalid = (message: string): AppError =>
  new AppError("CONFIG", message, {
    hint: 'Correct the file; "fairlead schema test" prints all keys with their meaning',
  });

const SKIPPED = new Set(["node_modules", ".git"]);

async function findCaseFiles(at: string): Promise<readonly string[]> {
  try {
    if ((await stat(at)).isFile()) return [at];
    return (await filesBelow(at)).toSorted();
  } catch (cause) {
    throw new AppError("USAGE", `Cannot find tests in "${at}" as ${messageOf(cause)}`, {
      hint: "Name a directory with *.test.yaml files, or one such file",
      cause,
    });
  }
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found = entries.map(async (entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : await filesBelow(path);
    return /\.test\.ya?ml$/.test(entry.name) ? [path] : [];
  });
  return (await Promise.all(found)).flat();
}
