import { readFile, writeFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { isNotFound } from "../apply/disk/durable-file.ts";
import type { Output } from "../template/render/render-files.ts";
import type { Expectation } from "./case-schema.ts";

/** One side of a comparison. */
export interface DiffSide {
  readonly path: string;
  /** What this side is, such as `live`. */
  readonly label: string;
  /** Absent when there is no such file. */
  readonly text: string | undefined;
}

/** A unified diff of two texts; empty when they are the same. */
export type Diff = (before: DiffSide, after: DiffSide) => string;

/** Options of a comparison of outputs with the expected texts. */
export interface CompareOptions {
  readonly directory: string;
  /** Writes the files with expected outputs first. */
  readonly update: boolean;
  readonly diff: Diff;
}

/** Compares outputs with the expected texts. Returns each expectation that does not hold, as a text. */
export async function compareOutputs(
  outputs: readonly Output[],
  expected: Expectation,
  options: CompareOptions,
): Promise<readonly string[]> {
  const { contains = [], absent = [], matches = [] } = expected;
  const some = (holds: (text: string) => boolean): boolean =>
    outputs.some(({ text }) => holds(text));
  return [
    ...(await compareComplete(outputs, expected, options)),
    ...contains
      .filter((part) => !some((text) => text.includes(part)))
      .map((part) => `expected an output that contains ${JSON.stringify(part)}`),
    ...absent
      .filter((part) => some((text) => text.includes(part)))
      .map((part) => `expected no output that contains ${JSON.stringify(part)}`),
    ...matches
      .filter((pattern) => !some((text) => new RegExp(pattern, "m").test(text)))
      .map((pattern) => `expected an output that matches /${pattern}/`),
  ];
}

/** A complete output as it is expected: its text, or the file that has it. */
interface CompleteOutput {
  /** The end of its path; absent when only one output is expected. */
  readonly name?: string;
  readonly text?: string;
  readonly file?: string;
}

async function compareComplete(
  outputs: readonly Output[],
  expected: Expectation,
  options: CompareOptions,
): Promise<readonly string[]> {
  const complete: readonly CompleteOutput[] = [
    ...(expected.output === undefined ? [] : [{ text: expected.output }]),
    ...(expected.outputFile === undefined ? [] : [{ file: expected.outputFile }]),
    ...Object.entries(expected.outputs ?? {}).map(([name, text]) => ({ name, text })),
    ...Object.entries(expected.outputFiles ?? {}).map(([name, file]) => ({ name, file })),
  ];
  const failures = await Promise.all(complete.map((it) => compareOne(outputs, it, options)));
  return failures.filter((it) => it !== "");
}

async function compareOne(
  outputs: readonly Output[],
  expected: CompleteOutput,
  options: CompareOptions,
): Promise<string> {
  const output = find(outputs, expected.name);
  if (typeof output === "string") return output;
  const { text, label } = await readExpected(output.text, expected, options);
  const path = relative(options.directory, output.path);
  const actual = { path, label: "rendered", text: output.text };
  const diff = options.diff({ path: label, label: "expected", text }, actual);
  const hint = expected.file === undefined ? "" : "\n--update writes it";
  return diff === "" ? "" : `not the expected output:\n${diff.trimEnd()}${hint}`;
}

function find(outputs: readonly Output[], name: string | undefined): Output | string {
  const found = outputs.filter(({ path }) => name === undefined || path.endsWith(`/${name}`));
  const [output, ...more] = found;
  if (output !== undefined && more.length === 0) return output;
  const paths = outputs.map(({ path }) => path).join(", ") || "none";
  return name === undefined
    ? `expected one output, there are ${outputs.length}: ${paths}`
    : `expected one output whose path ends with "${name}", there are: ${paths}`;
}

async function readExpected(
  actual: string,
  { text, file }: CompleteOutput,
  { directory, update }: CompareOptions,
): Promise<{ readonly text: string | undefined; readonly label: string }> {
  if (file === undefined) return { text, label: "expected" };
  const path = resolve(directory, file);
  if (update) await writeFile(path, actual);
  try {
    return { text: await readFile(path, "utf8"), label: file };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return { text: undefined, label: file };
  }
}
