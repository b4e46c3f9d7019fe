import { writeFile } from "node:fs/promises";
import { openCaseSetup } from "../../cases/case-setup.ts";
import { junitReport } from "../../cases/junit-report.ts";
import { type LoadedCases, loadCases } from "../../cases/load-cases.ts";
import { type FileResults, type RunOptions, runCase } from "../../cases/run-case.ts";
import { AppError, messageOf } from "../../errors.ts";
import { createLog, type Log } from "../../log.ts";
import { fileResultsText, sumText } from "../text/case-results-text.ts";
import { createTerminalStyle } from "../text/terminal-style.ts";
import { unifiedDiff } from "../text/unified-diff.ts";
import { abortOnInterrupt } from "./abort-on-interrupt.ts";

/** Options of `fairlead test`. */
export interface TestOptions {
  readonly update?: boolean;
  readonly junit?: string;
  readonly filter?: string;
  readonly color?: boolean;
  readonly logLevel: string;
}

/**
 * Runs the cases of all `*.test.yaml` below a directory, or of one such file. Returns the exit code: 1 when a
 * case failed.
 *
 * @throws {AppError} CONFIG when a file of cases is not valid, USAGE when there is no case to run
 */
export async function test(at: string, options: TestOptions): Promise<number> {
  const log = await createLog({
    level: options.logLevel,
    pretty: process.stderr.isTTY,
    redact: (text) => text,
  });
  const cases = selectCases(await loadCases(at), options.filter, at);
  const files = await runAll(cases, options, log);
  process.stdout.write(sumText(files));
  if (options.junit !== undefined) await writeReport(options.junit, junitReport(files));
  const results = files.flatMap((it) => it.results);
  return results.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

async function runAll(
  files: readonly LoadedCases[],
  options: TestOptions,
  log: Log,
): Promise<readonly FileResults[]> {
  const style = createTerminalStyle(options.color);
  const run: RunOptions = {
    diff: (before, after) => unifiedDiff(before, after, style),
    log,
    signal: abortOnInterrupt().signal,
    update: options.update === true,
  };
  const all: FileResults[] = [];
  for (const cases of files) {
    const results = await runFile(cases, run);
    process.stdout.write(fileResultsText(results, style));
    all.push(results);
  }
  return all;
}

async function runFile(cases: LoadedCases, options: RunOptions): Promise<FileResults> {
  const setup = await openCaseSetup(cases);
  const results = [];
  for (const testCase of cases.content.cases) {
    results.push(await runCase({ testCase, setup, cases }, options));
  }
  return { file: cases.file, results };
}

/** The cases whose file or name contains the filter. */
function selectCases(
  files: readonly LoadedCases[],
  filter: string | undefined,
  at: string,
): readonly LoadedCases[] {
  const isSelected = (text: string): boolean =>
    text.toLowerCase().includes((filter ?? "").toLowerCase());
  const selected = files.flatMap((it) => {
    const cases = it.content.cases.filter(({ name }) => isSelected(`${it.file} ${name}`));
    return cases.length === 0 ? [] : [{ ...it, content: { ...it.content, cases } }];
  });
  if (selected.length > 0) return selected;
  const which = filter === undefined ? "" : ` whose file or name contains "${filter}"`;
  throw new AppError("USAGE", `Cannot test as there is no case in "${at}"${which}`, {
    hint: 'Write a *.test.yaml beside the template; "fairlead init nginx" makes one',
  });
}

async function writeReport(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new AppError("USAGE", `Cannot write the report as ${messageOf(cause)}`, {
      hint: "Give --junit a file in a directory that exists",
      cause,
    });
  }
}
