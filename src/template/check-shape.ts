import { lexerOf } from "./escape/escaper.ts";
import type { Statement } from "./escape/lexer.ts";

/** A statement of a rendered file that would not be there with harmless values. */
export interface ShapeFault {
  /** Line of the rendered file, from 1. */
  readonly line: number;
  /** The statement's first word. */
  readonly statement: string;
}

interface Placed extends Statement {
  readonly line: number;
}

/**
 * Compares the statements of a rendered file with those of the same render with stand-ins for values:
 * names, nesting and order, not arguments. Where they differ a value brought statements with it.
 *
 * @returns the first statement that differs, or `undefined`
 */
export function findShapeFault(
  text: string,
  shape: string,
  format: "nginx" | "vcl",
): ShapeFault | undefined {
  const is = statementsOf(text, format);
  const should = statementsOf(shape, format);
  const at = is.findIndex((it, i) => it.name !== should[i]?.name || it.end !== should[i]?.end);
  const differing = is[at];
  if (differing !== undefined) return { line: differing.line, statement: differing.name };
  if (is.length === should.length) return undefined;
  return { line: text.split("\n").length, statement: "the end of the file" };
}

/** The statements of a text. A file that ends within a quote or a comment has one more that says so. */
function statementsOf(text: string, format: "nginx" | "vcl"): readonly Placed[] {
  const lexer = lexerOf(format);
  const statements: Placed[] = [];
  let state = lexer.start;
  for (const [i, line] of text.split("\n").entries()) {
    state = lexer.text(state, `${line}\n`, (it) => statements.push({ ...it, line: i + 1 }));
  }
  return statements;
}
