import { type Part, partName } from "../catalog/part.ts";
import type { Case } from "./case-schema.ts";
import { checkOutputs, type ProgramOptions } from "./check-outputs.ts";
import { compareOutputs, type Diff } from "./compare-outputs.ts";
import type { CaseToRender, RenderedCase } from "./render-case.ts";
import { requestRoutes } from "./request-routes.ts";

/** How a rendered case is compared with its expectations. */
export interface VerifyOptions extends ProgramOptions {
  /** Writes the files with expected outputs. */
  readonly update: boolean;
  readonly diff: Diff;
}

/** Compares a rendered case with its expectations. Returns each that does not hold, as a text. */
export async function verifyCase(
  rendered: RenderedCase,
  from: CaseToRender,
  options: VerifyOptions,
): Promise<readonly string[]> {
  const { expect } = from.testCase;
  if (!rendered.ok) return verifyError(rendered.error, from.testCase);
  if (expect.error !== undefined) {
    return [`expected an error that contains ${JSON.stringify(expect.error)}, but all is rendered`];
  }
  const { directory } = from.cases;
  return [
    ...verifyLeftOut(rendered, expect.leftOut ?? []),
    ...(await compareOutputs(rendered.outputs, expect, { ...options, directory })),
    ...(await verifyCheck(rendered, from, options)),
    ...(await verifyRoutes(from, options)),
  ];
}

type RenderedOutputs = Extract<RenderedCase, { ok: true }>;

function verifyError(error: string, { expect }: Case): readonly string[] {
  if (expect.error === undefined) return [error.trimEnd()];
  if (error.includes(expect.error)) return [];
  return [
    `expected an error that contains ${JSON.stringify(expect.error)}, got:\n${error.trimEnd()}`,
  ];
}

function verifyLeftOut(
  { leftOut }: RenderedOutputs,
  expected: readonly string[],
): readonly string[] {
  const names = new Set(leftOut.map(({ part }) => nameIn(part)));
  return [
    ...leftOut
      .filter(({ part }) => !expected.includes(nameIn(part)))
      .map(({ part, reason, hint }) => `${partName(part)} is left out: ${reason}\n→ ${hint}`),
    ...expected
      .filter((name) => !names.has(name))
      .map((name) => `expected service "${name}" to be left out`),
  ];
}

/** The name of a part that is left out: of an instance that of its service. */
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

async function verifyCheck(
  rendered: RenderedOutputs,
  { testCase, cases }: CaseToRender,
  options: ProgramOptions,
): Promise<readonly string[]> {
  const { valid } = testCase.expect;
  if (valid === undefined) return [];
  const refusal = await checkOutputs(rendered, cases, options);
  if (valid) return refusal === undefined ? [] : [`refused: ${refusal}`];
  return refusal === undefined ? ["expected a refusal, but it is accepted"] : [];
}

async function verifyRoutes(
  from: CaseToRender,
  options: ProgramOptions,
): Promise<readonly string[]> {
  const { routes = [] } = from.testCase.expect;
  return routes.length === 0 ? [] : await requestRoutes(routes, from, options);
}
