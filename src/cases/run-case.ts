import { chmod, rm } from "node:fs/promises";
import { makeTemporaryDirectory } from "../apply/disk/temporary-directory.ts";
import type { Log } from "../log.ts";
import type { Diff } from "./compare-outputs.ts";
import { type CaseToRender, catalogOf, renderCase } from "./render-case.ts";
import { verifyCase } from "./verify-case.ts";

/** The result of one case. */
export interface CaseResult {
  readonly name: string;
  /** Each expectation that does not hold; empty when the case passed. */
  readonly failures: readonly string[];
  readonly durationMs: number;
}

/** The results of one file. */
export interface FileResults {
  readonly file: string;
  readonly results: readonly CaseResult[];
}

/** Options of a run. */
export interface RunOptions {
  readonly update: boolean;
  readonly diff: Diff;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Runs one case.
 *
 * @throws {AppError} CATALOG when its catalog file is not valid, and the signal's reason once aborted
 */
export async function runCase(from: CaseToRender, options: RunOptions): Promise<CaseResult> {
  const start = performance.now();
  options.signal.throwIfAborted();
  const rendered = await renderCase(from, await catalogOf(from));
  const failures = await inDirectory((directory) =>
    verifyCase(rendered, from, { ...options, directory }),
  );
  return { name: from.testCase.name, failures, durationMs: Math.round(performance.now() - start) };
}

/** Does work with a directory that is removed afterwards. */
async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await makeTemporaryDirectory("case");
  try {
    await chmod(directory, 0o755); // workers of nginx and varnishd run as users of their own
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}
