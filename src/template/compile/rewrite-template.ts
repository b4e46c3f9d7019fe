import Handlebars from "handlebars";
import { unknownHelper } from "../helpers/unknown-helper.ts";
import { placeOf } from "../place-of.ts";
import { TemplateFault, type TemplatePlace } from "../template-error.ts";
import { callName, EMIT_HELPER } from "./compile-handlebars.ts";

/*
 * Names of the helpers that a template's statements are rewritten to. No template can write them.
 */

/** A bare `{{name}}` when `name` is a helper's: what the item has wins. */
export const PLAIN_HELPER = " plain";
/** Marks where a piece of the output comes from, when that is asked for. */
export const MARK_HELPER = " mark";

type Path = hbs.AST.PathExpression;
type Call = hbs.AST.MustacheStatement | hbs.AST.SubExpression | hbs.AST.BlockStatement;

/** What `{{else if}}` and the like are parsed to: a program of one block. */
interface Chained extends hbs.AST.Program {
  readonly chained?: boolean;
}

const BLOCKS = ["if", "unless", "each", "with"];
const BUILT_IN = [...BLOCKS, "lookup"];

/**
 * How a value is written: `{{x}}` escaped for its place; `{{{x}}}` and `{{raw x}}` as it is; `{{snippet x}}`
 * as whole directives or statements that the author vouches for.
 */
export type EmissionKind = "escaped" | "raw" | "snippet";

/** Output that is not escaped. */
export interface RawOutput {
  readonly place: TemplatePlace | undefined;
  /** Whether it may bring directives or statements with it. */
  readonly isSnippet: boolean;
}

/** What the rewriting of a program needs to know. */
export interface RewriteOptions {
  readonly helpers: ReadonlySet<string>;
  /** Whether a helper writes nothing, so that it may stand as a block. */
  readonly writesNothing: (helper: string) => boolean;
  /** The number by which the program calls a helper directly; absent for one that needs more than arguments. */
  call(name: string, place: TemplatePlace | undefined): number | undefined;
  /** The number by which the program writes what a mustache emits. */
  emission(mustache: hbs.AST.MustacheStatement, kind: EmissionKind): number;
  /** The number of a mark for a statement; absent when none are wanted. */
  readonly mark?: (statement: hbs.AST.Statement) => number;
}

/** What was found on the way. */
interface Rewritten {
  /** Calls of helpers that do not exist. */
  readonly faults: readonly TemplateFault[];
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
    // Handlebars reads the block of an `{{else if}}` as the first statement.
    if (mark !== undefined && (program as Chained).chained !== true) {
      program.body = body.flatMap((it) => [...marked(it, mark), it]);
    }
    this.#bound.length -= names.length;
  }

  override BlockStatement(block: hbs.AST.BlockStatement): void {
    if (isCall(block)) this.#mustBeKnown(block);
    this.#mustBeBlock(block);
    super.BlockStatement(block);
  }

  override SubExpression(call: hbs.AST.SubExpression): void {
    this.#mustBeKnown(call);
    super.SubExpression(call);
    this.#callDirectly(call);
  }

  override MustacheStatement(statement: hbs.AST.MustacheStatement): void {
    if (isCall(statement)) this.#mustBeKnown(statement);
    super.MustacheStatement(statement);
    const { kind, vouched } = emissionOf(statement);
    const value = vouched ?? this.#valueOf(statement);
    if (kind !== "escaped") {
      this.raw.push({ place: placeOf(statement.loc), isSnippet: kind === "snippet" });
    }
    statement.path = helperPath(EMIT_HELPER, statement.loc);
    statement.params = [
      value,
      numberLiteral(this.#options.emission(statement, kind), statement.loc),
    ];
    statement.hash = undefined as unknown as hbs.AST.Hash;
    statement.escaped = false;
  }

  #valueOf(statement: hbs.AST.MustacheStatement): hbs.AST.Expression {
    const { path, params, hash, loc } = statement;
    if (isCall(statement)) {
      const call = { type: "SubExpression", path, params, hash, loc } as hbs.AST.SubExpression;
      return this.#callDirectly(call);
    }
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
    return isSimple && !this.#bound.includes(original) && this.#options.helpers.has(original);
  }

  #callDirectly(call: hbs.AST.SubExpression): hbs.AST.SubExpression {
    const number = this.#options.call(call.path.original, placeOf(call.loc));
    if (number !== undefined) call.path = helperPath(callName(number), call.loc);
    return call;
  }

  /** What any other helper gives would be written as it is, and by no mustache. */
  #mustBeBlock({ path, params, hash, loc }: hbs.AST.BlockStatement): void {
    const { original } = path;
    const isHelper = isCall({ params, hash }) || this.#mayBeHelper(path);
    if (!isHelper || BLOCKS.includes(original) || this.#options.writesNothing(original)) return;
    if (!this.#options.helpers.has(original) && original !== "lookup") return; // said already
    this.faults.push(
      new TemplateFault(`"${original}" is no block`, {
        hint: `Write {{#if (${original} …)}} or {{#each (${original} …)}} around it, or {{${original} …}}`,
        place: placeOf(loc),
      }),
    );
  }

  #mustBeKnown(call: Call): void {
    const { original } = call.path as Path;
    if (this.#options.helpers.has(original) || BUILT_IN.includes(original)) return;
    const fault = unknownHelper(original, [...this.#options.helpers, ...BUILT_IN]);
    fault.place = placeOf(call.path.loc);
    this.faults.push(fault);
  }
}

const isCall = (call: Pick<Call, "params" | "hash">): boolean =>
  call.params.length > 0 || call.hash !== undefined;

/** How a statement writes its value, and the value itself where a helper says how. */
function emissionOf(statement: hbs.AST.MustacheStatement): {
  readonly kind: EmissionKind;
  readonly vouched?: hbs.AST.Expression;
} {
  const { original } = statement.path as Path;
  const [value, ...more] = statement.params;
  if (value !== undefined && more.length === 0) {
    if (original === "raw") return { kind: "raw", vouched: value };
    if (original === "snippet") return { kind: "snippet", vouched: value };
  }
  return { kind: statement.escaped ? "escaped" : "raw" };
}

function marked(
  statement: hbs.AST.Statement,
  mark: (statement: hbs.AST.Statement) => number,
): readonly hbs.AST.Statement[] {
  const { loc, type } = statement;
  const isWritten = type === "ContentStatement" || type === "MustacheStatement";
  if (!isWritten && type !== "BlockStatement") return [];
  const call = {
    type: "MustacheStatement",
    path: helperPath(MARK_HELPER, loc),
    params: [numberLiteral(isWritten ? mark(statement) : BEGINS, loc)],
    hash: undefined,
    escaped: false,
    strip: { open: false, close: false },
    loc,
  };
  return [call];
}

/** No mark's number: a block begins, and what is asked for from here on is for it. */
const BEGINS = -1;

function numberLiteral(value: number, loc: hbs.AST.SourceLocation): hbs.AST.NumberLiteral {
  return { type: "NumberLiteral", value, original: value, loc };
}

function helperPath(name: string, loc: hbs.AST.SourceLocation): Path {
  return { type: "PathExpression", data: false, depth: 0, parts: [name], original: name, loc };
}
