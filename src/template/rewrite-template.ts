import Handlebars from "handlebars";
import { unknownHelper } from "./pure-helpers.ts";
import type { TemplateFault, TemplatePlace } from "./template-error.ts";

/** The helper that every `{{x}}` is rewritten to; its name cannot be written in a template. */
export const EMIT_HELPER = " emit";
/** The helper that a bare `{{name}}` is rewritten to when `name` is a helper's: what the item has wins. */
export const PLAIN_HELPER = " plain";

type Path = hbs.AST.PathExpression;
type Call = hbs.AST.MustacheStatement | hbs.AST.SubExpression | hbs.AST.BlockStatement;

const BUILT_IN = ["if", "unless", "each", "with", "lookup"];

/**
 * Rewrites a parsed template in place, so that each `{{x}}` goes through the emit helper and knows where
 * it stands, and collects calls of helpers that do not exist.
 */
export function rewriteTemplate(
  program: hbs.AST.Program,
  helpers: ReadonlySet<string>,
): readonly TemplateFault[] {
  const rewriter = new Rewriter(helpers);
  rewriter.accept(program);
  return rewriter.faults;
}

class Rewriter extends Handlebars.Visitor {
  readonly faults: TemplateFault[] = [];
  readonly #helpers: ReadonlySet<string>;
  /** Names that the blocks around bind, innermost last. */
  readonly #bound: string[] = [];

  constructor(helpers: ReadonlySet<string>) {
    super();
    this.#helpers = helpers;
  }

  override Program(program: hbs.AST.Program): void {
    const names = program.blockParams ?? [];
    this.#bound.push(...names);
    super.Program(program);
    this.#bound.length -= names.length;
  }

  override BlockStatement(block: hbs.AST.BlockStatement): void {
    if (isCall(block)) this.#mustBeKnown(block);
    super.BlockStatement(block);
  }

  override SubExpression(call: hbs.AST.SubExpression): void {
    this.#mustBeKnown(call);
    super.SubExpression(call);
  }

  override MustacheStatement(statement: hbs.AST.MustacheStatement): void {
    if (isCall(statement)) this.#mustBeKnown(statement);
    super.MustacheStatement(statement);
    const value = this.#valueOf(statement);
    if (!statement.escaped) {
      if (value !== statement.path) setCall(statement, value as hbs.AST.SubExpression);
      return;
    }
    statement.path = helperPath(EMIT_HELPER, statement.loc);
    statement.params = [value];
    statement.hash = undefined as unknown as hbs.AST.Hash;
    statement.escaped = false;
  }

  #valueOf(statement: hbs.AST.MustacheStatement): hbs.AST.Expression {
    const { path, params, hash, loc } = statement;
    if (isCall(statement))
      return { type: "SubExpression", path, params, hash, loc } as hbs.AST.SubExpression;
    if (!this.#mayBeHelper(path)) return path;
    const name = { type: "StringLiteral", value: path.original, original: path.original, loc };
    return {
      type: "SubExpression",
      path: helperPath(PLAIN_HELPER, loc),
      params: [name],
      hash: undefined,
      loc,
    } as unknown as hbs.AST.SubExpression;
  }

  #mayBeHelper(path: hbs.AST.Expression): path is Path {
    if (path.type !== "PathExpression") return false;
    const { parts, depth, data, original } = path as Path;
    const isSimple = parts.length === 1 && depth === 0 && !data && !/^(this|\.)/.test(original);
    return isSimple && !this.#bound.includes(original) && this.#helpers.has(original);
  }

  #mustBeKnown(call: Call): void {
    const { original } = call.path as Path;
    if (this.#helpers.has(original) || BUILT_IN.includes(original)) return;
    const fault = unknownHelper(original, [...this.#helpers, ...BUILT_IN]);
    fault.place = placeOf(call.path.loc);
    this.faults.push(fault);
  }
}

/** Handlebars counts lines from 1 and columns from 0. */
export function placeOf(loc: hbs.AST.SourceLocation | undefined): TemplatePlace | undefined {
  return loc === undefined ? undefined : { line: loc.start.line, column: loc.start.column + 1 };
}

const isCall = (call: Call): boolean => call.params.length > 0 || call.hash !== undefined;

function setCall(statement: hbs.AST.MustacheStatement, call: hbs.AST.SubExpression): void {
  statement.path = call.path;
  statement.params = call.params;
}

function helperPath(name: string, loc: hbs.AST.SourceLocation): Path {
  return { type: "PathExpression", data: false, depth: 0, parts: [name], original: name, loc };
}
