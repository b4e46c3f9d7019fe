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

/** How outputs are compared with what is expected of their text. */
export interface CompareOptions {
  readonly directory: string;
  /** Write the files with expected outputs instead. */
  readonly update: boolean;
  readonly diff: Diff;
}

/** What does not hold of the outputs' text, a text each. */
export async function compareOutputs(
  outputs: readonly Output[],
  expected: Expectation,
  options: CompareOptions,
): Promise<readonly string[]> {
  const { contains = [], absent = [], matches = [] } = expected;
  const some = (holds: (text: string) => boolean): boolean =>
    outputs.some(({ text }) => holds(text));
  return [
    ...(await compareWhole(outputs, expected, options)),
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

/** A whole output as it is expected: its text, and the file that holds it. */
interface Whole {
  /** The end of its path; absent when there shall be one output only. */
  readonly name?: string;
  readonly text?: string;
  readonly file?: string;
}

async function compareWhole(
  outputs: readonly Output[],
  expected: Expectation,
  options: CompareOptions,
): Promise<readonly string[]> {
  const wholes: readonly Whole[] = [
    ...(expected.output === undefined ? [] : [{ text: expected.output }]),
    ...(expected.outputFile === undefined ? [] : [{ file: expected.outputFile }]),
    ...Object.entries(expected.outputs ?? {}).map(([name, text]) => ({ name, text })),
    ...Object.entries(expected.outputFiles ?? {}).map(([name, file]) => ({ name, file })),
  ];
  const failures = await Promise.all(wholes.map((it) => compareOne(outputs, it, options)));
  return failures.filter((it) => it !== "");
}

async function compareOne(
  outputs: readonly Output[],
  whole: Whole,
  options: CompareOptions,
): Promise<string> {
  const output = find(outputs, whole.name);
  if (typeof output === "string") return output;
  const { text, label } = await readExpected(output.text, whole, options);
  const path = relative(options.directory, output.path);
  const actual = { path, label: "rendered", text: output.text };
  const diff = options.diff({ path: label, label: "expected", text }, actual);
  const hint = whole.file === undefined ? "" : "\n--update writes it";
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
  { text, file }: Whole,
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
