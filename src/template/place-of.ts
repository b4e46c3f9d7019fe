import type { TemplatePlace } from "./template-error.ts";

/** Handlebars counts lines from 1 and columns from 0. */
export function placeOf(loc: hbs.AST.SourceLocation | undefined): TemplatePlace | undefined {
  if (loc === undefined) return undefined;
  return { file: loc.source, line: loc.start.line, column: loc.start.column + 1 };
}
