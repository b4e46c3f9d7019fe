import { chmod, rm } from "node:fs/promises";
import { makeTemporaryDirectory } from "../apply/disk/temporary-directory.ts";
import { type Part, partName } from "../catalog/part.ts";
import type { Log } from "../log.ts";
import { askRoutes } from "./ask-routes.ts";
import type { Case } from "./case-schema.ts";
import type { CaseSubject } from "./case-subject.ts";
import { refusalOf, type Tools } from "./check-outputs.ts";
import { compareOutputs, type Diff } from "./compare-outputs.ts";
import type { LoadedCases } from "./load-cases.ts";
import { catalogOf, type RenderedCase, renderCase } from "./render-case.ts";

/** How a case ended. */
export interface CaseResult {
  readonly name: string;
  /** What did not hold; empty when the case passed. */
  readonly failures: readonly string[];
  readonly durationMs: number;
}

/** The results of one file. */
export interface FileResults {
  readonly file: string;
  readonly results: readonly CaseResult[];
}

/** How cases are run. */
export interface RunOptions {
  readonly update: boolean;
  readonly diff: Diff;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Runs one case.
 *
 * @throws {AppError} CATALOG when its catalog file is not one, and the signal's reason once aborted
 */
export async function runCase(
  of: Case,
  about: { readonly subject: CaseSubject; readonly cases: LoadedCases },
  options: RunOptions,
): Promise<CaseResult> {
  const start = performance.now();
  options.signal.throwIfAborted();
  const rendered = await renderCase(about.subject, of, await catalogOf(of, about.cases));
  const failures = rendered.ok
    ? await judge(rendered, { ...about, of }, options)
    : judgeError(rendered.error, of);
  return { name: of.name, failures, durationMs: Math.round(performance.now() - start) };
}

function judgeError(error: string, { expect }: Case): readonly string[] {
  if (expect.error === undefined) return [error.trimEnd()];
  if (error.includes(expect.error)) return [];
  return [
    `expected an error that contains ${JSON.stringify(expect.error)}, got:\n${error.trimEnd()}`,
  ];
}

async function judge(
  rendered: Extract<RenderedCase, { ok: true }>,
  about: { readonly subject: CaseSubject; readonly cases: LoadedCases; readonly of: Case },
  options: RunOptions,
): Promise<readonly string[]> {
  const { expect } = about.of;
  const { directory } = about.cases;
  if (expect.error !== undefined) {
    return [`expected an error that contains ${JSON.stringify(expect.error)}, but all is rendered`];
  }
  return [
    ...judgeLeftOut(rendered, expect.leftOut ?? []),
    ...(await compareOutputs(rendered.outputs, expect, { ...options, directory })),
    ...(await inDirectory((directory) =>
      judgeByPrograms(rendered, about, { directory, ...options }),
    )),
  ];
}

function judgeLeftOut(
  { leftOut }: Extract<RenderedCase, { ok: true }>,
  expected: readonly string[],
): readonly string[] {
  const out = new Set(leftOut.map(({ part }) => nameIn(part)));
  return [
    ...leftOut
      .filter(({ part }) => !expected.includes(nameIn(part)))
      .map(({ part, reason, hint }) => `${partName(part)} is left out: ${reason}\n→ ${hint}`),
    ...expected
      .filter((name) => !out.has(name))
      .map((name) => `expected service "${name}" to be left out`),
  ];
}

/** The name of what is left out: of an instance that of its service. */
function nameIn(part: Part): string {
  switch (part.kind) {
    case "instance":
    case "service":
      return part.service;
    case "node":
      return part.node;
    case "key":
      return part.key;
    case "answer":
      return part.query;
  }
}

async function judgeByPrograms(
  rendered: Extract<RenderedCase, { ok: true }>,
  about: { readonly subject: CaseSubject; readonly cases: LoadedCases; readonly of: Case },
  tools: Tools,
): Promise<readonly string[]> {
  const { valid, routes = [] } = about.of.expect;
  const failures: string[] = [];
  if (valid !== undefined) {
    const refusal = await refusalOf(rendered, about.cases, tools);
    if (valid && refusal !== undefined) failures.push(`refused: ${refusal}`);
    if (!valid && refusal === undefined) failures.push("expected a refusal, but it is accepted");
  }
  if (routes.length > 0) failures.push(...(await askRoutes(routes, about, tools)));
  return failures;
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await makeTemporaryDirectory("case");
  try {
    await chmod(directory, 0o755); // workers of nginx and varnishd run as users of their own
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}
