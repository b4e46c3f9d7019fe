import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { AppError, messageOf } from "../../errors.ts";
import { builtinFile } from "../builtin-files.ts";
import { TemplateFault, templateError } from "../template-error.ts";
import { parseTemplate } from "./parse-template.ts";

/**
 * Reads the built-in partials, as `builtin:nginx/proxy-headers`, and those of a directory by their path
 * below it without the ending: `http/headers.hbs` is `http/headers`.
 *
 * @throws {AppError} TEMPLATE when the directory is not readable, or two files have one name
 */
export async function loadPartials(
  directory: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const partials = new Map<string, string>();
  await addAll(partials, builtinFile("partials/"), "builtin:");
  if (directory !== undefined) await addAll(partials, directory, "");
  return partials;
}

/** The syntax errors of partials, whether a template includes them or not. */
export function partialErrors(partials: ReadonlyMap<string, string>): readonly AppError[] {
  return [...partials].flatMap(([name, text]) => {
    try {
      parseTemplate(text, name);
      return [];
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      return [templateError(error, { file: name, texts: partials })];
    }
  });
}

async function addAll(partials: Map<string, string>, directory: string, prefix: string) {
  for (const file of await filesBelow(directory)) {
    const name = `${prefix}${relative(directory, file).replace(/\.[^./]+$/, "")}`;
    if (partials.has(name)) {
      throw new AppError("TEMPLATE", `Cannot tell partials apart as two have the name "${name}"`, {
        hint: `Rename "${file}": the ending does not count`,
      });
    }
    partials.set(name, await readFile(file, "utf8"));
  }
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && !isHidden(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted();
  } catch (cause) {
    throw new AppError(
      "TEMPLATE",
      `Cannot read the partials in "${directory}" as ${messageOf(cause)}`,
      { hint: "Correct the config's `partials`", cause },
    );
  }
}

/** Editors leave such files for a moment. */
const isHidden = (name: string): boolean => name.startsWith(".") || name.endsWith("~");
