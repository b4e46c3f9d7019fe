import type { Program } from "./compile-template.ts";
import type { Helper } from "./helper-definition.ts";
import { DEFINITIONS } from "./helpers/all-helpers.ts";
import { bindHelper } from "./helpers/bind-helper.ts";
import { unknownHelper } from "./helpers/unknown-helper.ts";
import { placeOf } from "./parse-template.ts";
import type { RenderContext } from "./render-context.ts";
import {
  EMIT_HELPER,
  MARK_HELPER,
  PLAIN_HELPER,
  RAW_HELPER,
  SNIPPET_HELPER,
} from "./rewrite-template.ts";
import { TemplateFault } from "./template-error.ts";
import { toText } from "./written-text.ts";

/** Written in place of each value where only the shape of the output counts. */
const STAND_IN = "x";

interface Options {
  readonly loc?: hbs.AST.SourceLocation;
  readonly name?: string;
}

/** The helpers that a program calls, bound to one render. */
export function renderHelpers(program: Program, context: RenderContext): Record<string, Helper> {
  const known = knownHelpers(program, context);
  const own: Readonly<Record<string, Helper>> = {
    ...emitters(program, context),
    ...context.trace?.blocks,
    [PLAIN_HELPER](name, options) {
      const item = this as Readonly<Record<string, unknown>> | null | undefined;
      const key = String(name);
      if (typeof item === "object" && item !== null && Object.hasOwn(item, key)) return item[key];
      return known[key]?.call(this, options);
    },
  };
  const used = [...program.used, ...Object.keys(context.trace?.blocks ?? {})];
  return {
    ...known,
    helperMissing: placing((...args) => missing(args, HELPER_NAMES)),
    ...Object.fromEntries(
      used.flatMap((name) =>
        Object.hasOwn(own, name) ? [[name, placing(own[name] as Helper)]] : [],
      ),
    ),
  };
}

/** Those of the defined helpers that a program calls. */
function knownHelpers(program: Program, context: RenderContext): Readonly<Record<string, Helper>> {
  const bound = [...program.used].flatMap((name) => {
    const helper = bindHelper(name, context) ?? VOUCHING[name];
    return helper === undefined ? [] : [[name, helper] as const];
  });
  return Object.fromEntries(bound);
}

/** Within another call they are their argument; around a whole `{{…}}` the rewriting knows them. */
const VOUCHING: Readonly<Record<string, Helper>> = {
  raw: (value) => value,
  snippet: (value) => value,
};

/** The names of all helpers that a template may call. */
export const HELPER_NAMES: ReadonlySet<string> = new Set([
  ...DEFINITIONS.keys(),
  ...Object.keys(VOUCHING),
]);

/** Whether a helper writes nothing where it stands by itself. */
export const isSilent = (name: string): boolean => DEFINITIONS.get(name)?.isSilent === true;

/** How values come into the output. */
function emitters(program: Program, context: RenderContext): Readonly<Record<string, Helper>> {
  const { trace } = context;
  if (trace !== undefined) return trace.emitters(program);
  if (context.isShapeOnly) {
    return {
      [EMIT_HELPER]: (value) => (toText(value) === "" ? "" : STAND_IN),
      [RAW_HELPER]: (value) => (toText(value) === "" ? "" : STAND_IN),
      [SNIPPET_HELPER]: toText,
    };
  }
  return {
    [EMIT_HELPER]: (value, number) => program.escapes[number as number]?.(toText(value)),
    [RAW_HELPER]: toText,
    [SNIPPET_HELPER]: toText,
    [MARK_HELPER]: () => "",
  };
}

/** Handlebars calls this for a bare name that is neither a field nor a helper: it then has no value. */
function missing(args: readonly unknown[], known: Iterable<string>): unknown {
  if (args.length === 1) return undefined;
  throw unknownHelper(String((args.at(-1) as Options).name), known);
}

/** Gives a helper's fault the place of its call, which Handlebars hands over in the options. */
function placing(helper: Helper): Helper {
  return function placed(...args) {
    try {
      return helper.apply(this, args);
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      error.place ??= placeOf((args.at(-1) as Options).loc);
      throw error;
    }
  };
}
