import Handlebars from "handlebars";
import type { Places } from "./escape/find-places.ts";
import { unknownHelper } from "./helpers/unknown-helper.ts";
import { placeOf } from "./parse-template.ts";
import type { TemplateFault, TemplatePlace } from "./template-error.ts";

/*
 * Names of the helpers that a template's statements are rewritten to. No template can write them.
 */

/** `{{x}}`: the value, and which escape its place needs. */
export const EMIT_HELPER = " emit";
/** `{{{x}}}` and `{{raw x}}`: the value as it is. */
export const RAW_HELPER = " raw";
/** `{{snippet x}}`: whole directives or statements that the author vouches for. */
export const SNIPPET_HELPER = " snippet";
/** A bare `{{name}}` when `name` is a helper's: what the item has wins. */
export const PLAIN_HELPER = " plain";
/** Marks where a piece of the output comes from, when that is asked for. */
export const MARK_HELPER = " mark";

type Path = hbs.AST.PathExpression;
type Call = hbs.AST.MustacheStatement | hbs.AST.SubExpression | hbs.AST.BlockStatement;

const BUILT_IN = ["if", "unless", "each", "with", "lookup"];

/** Output that is not escaped. */
export interface RawOutput {
  readonly place: TemplatePlace | undefined;
  /** Whether it may bring directives or statements with it. */
  readonly isSnippet: boolean;
}

/** What the rewriting of a program needs to know. */
export interface RewriteOptions {
  readonly helpers: ReadonlySet<string>;
  readonly places: Places;
  /** The number of the escape for a mustache's places. */
  escapeNumber(mustache: hbs.AST.MustacheStatement): number;
  /** The number of a mark for a statement; absent when none are wanted. */
  readonly mark?: (statement: hbs.AST.Statement) => number;
}

/** What was found on the way. */
export interface Rewritten {
  /** Calls of helpers that do not exist. */
  readonly faults: readonly TemplateFault[];
  /** Names of the helpers that the program calls. */
  readonly used: ReadonlySet<string>;
  readonly raw: readonly RawOutput[];
}

/** Rewrites a parsed template in place, so that each `{{x}}` goes through the escape for its place. */
export function rewriteTemplate(program: hbs.AST.Program, options: RewriteOptions): Rewritten {
  const rewriter = new Rewriter(options);
  rewriter.accept(program);
  return rewriter;
}

class Rewriter extends Handlebars.Visitor implements Rewritten {
  readonly faults: TemplateFault[] = [];
  readonly used = new Set<string>();
  readonly raw: RawOutput[] = [];
  readonly #options: RewriteOptions;
  /** Names that the blocks around bind, innermost last. */
  readonly #bound: string[] = [];

  constructor(options: RewriteOptions) {
    super();
    this.#options = options;
  }

  override Program(program: hbs.AST.Program): void {
    const names = program.blockParams ?? [];
    this.#bound.push(...names);
    const { body } = program;
    const { mark } = this.#options;
    super.Program(program);
    if (mark !== undefined) {
      this.used.add(MARK_HELPER);
      program.body = body.flatMap((it) => [...marked(it, mark), it]);
    }
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
    const emission = emissionOf(statement);
    const value = emission.vouched ?? this.#valueOf(statement);
    if (emission.helper !== EMIT_HELPER) {
      this.raw.push({
        place: placeOf(statement.loc),
        isSnippet: emission.helper === SNIPPET_HELPER,
      });
    }
    statement.path = this.#helperPath(emission.helper, statement.loc);
    statement.params =
      emission.helper === EMIT_HELPER
        ? [value, numberLiteral(this.#options.escapeNumber(statement), statement.loc)]
        : [value];
    statement.hash = undefined as unknown as hbs.AST.Hash;
    statement.escaped = false;
  }

  #valueOf(statement: hbs.AST.MustacheStatement): hbs.AST.Expression {
    const { path, params, hash, loc } = statement;
    if (isCall(statement))
      return { type: "SubExpression", path, params, hash, loc } as hbs.AST.SubExpression;
    if (!this.#mayBeHelper(path)) return path;
    this.used.add(path.original);
    const name = { type: "StringLiteral", value: path.original, original: path.original, loc };
    return {
      type: "SubExpression",
      path: this.#helperPath(PLAIN_HELPER, loc),
      params: [name],
      hash: undefined,
      loc,
    } as unknown as hbs.AST.SubExpression;
  }

  #mayBeHelper(path: hbs.AST.Expression): path is Path {
    if (path.type !== "PathExpression") return false;
    const { parts, depth, data, original } = path as Path;
    const isSimple = parts.length === 1 && depth === 0 && !data && !/^(this|\.)/.test(original);
    return isSimple && !this.#bound.includes(original) && this.#options.helpers.has(original);
  }

  #mustBeKnown(call: Call): void {
    const { original } = call.path as Path;
    this.used.add(original);
    if (this.#options.helpers.has(original) || BUILT_IN.includes(original)) return;
    const fault = unknownHelper(original, [...this.#options.helpers, ...BUILT_IN]);
    fault.place = placeOf(call.path.loc);
    this.faults.push(fault);
  }

  #helperPath(name: string, loc: hbs.AST.SourceLocation): Path {
    this.used.add(name);
    return helperPath(name, loc);
  }
}

const isCall = (call: Call): boolean => call.params.length > 0 || call.hash !== undefined;

/** How a statement writes its value, and the value itself where a helper says how. */
function emissionOf(statement: hbs.AST.MustacheStatement): {
  readonly helper: string;
  readonly vouched?: hbs.AST.Expression;
} {
  const { original } = statement.path as Path;
  const [value, ...more] = statement.params;
  if (value !== undefined && more.length === 0) {
    if (original === "raw") return { helper: RAW_HELPER, vouched: value };
    if (original === "snippet") return { helper: SNIPPET_HELPER, vouched: value };
  }
  return { helper: statement.escaped ? EMIT_HELPER : RAW_HELPER };
}

function marked(
  statement: hbs.AST.Statement,
  mark: (statement: hbs.AST.Statement) => number,
): readonly hbs.AST.Statement[] {
  if (statement.type !== "ContentStatement" && statement.type !== "MustacheStatement") return [];
  const { loc } = statement;
  const call = {
    type: "MustacheStatement",
    path: helperPath(MARK_HELPER, loc),
    params: [numberLiteral(mark(statement), loc)],
    hash: undefined,
    escaped: false,
    strip: { open: false, close: false },
    loc,
  };
  return [call];
}

function numberLiteral(value: number, loc: hbs.AST.SourceLocation): hbs.AST.NumberLiteral {
  return { type: "NumberLiteral", value, original: value, loc };
}

function helperPath(name: string, loc: hbs.AST.SourceLocation): Path {
  return { type: "PathExpression", data: false, depth: 0, parts: [name], original: name, loc };
}
