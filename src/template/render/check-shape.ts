import { statementsOf } from "../escape/statements.ts";

/** A statement of a rendered file that would not be there with harmless values. */
export interface ShapeFault {
  /** Line of the rendered file, from 1. */
  readonly line: number;
  /** The statement's first word. */
  readonly statement: string;
}

/**
 * Compares the statements of a rendered file with those of the same render with placeholders for values:
 * names, nesting and order, not arguments. Where they differ a value brought statements with it.
 *
 * @returns the first statement that differs, or `undefined`
 */
export function findShapeFault(
  text: string,
  shape: string,
  format: "nginx" | "vcl",
): ShapeFault | undefined {
  if (text === shape) return undefined;
  const is = statementsOf(text, format);
  const should = statementsOf(shape, format);
  const at = is.findIndex((it, i) => it.name !== should[i]?.name || it.end !== should[i]?.end);
  const differing = is[at];
  if (differing !== undefined) {
    return { line: lineAt(text, differing.index - 1), statement: differing.name };
  }
  if (is.length === should.length) return undefined;
  // A file that ends within a quote or a comment lacks what comes after.
  return { line: lineAt(text, text.length), statement: "the end of the file" };
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length;
