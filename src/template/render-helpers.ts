import { catalogHelpers } from "./catalog-helpers.ts";
import type { Program } from "./compile-template.ts";
import type { Helper } from "./helper-definition.ts";
import { placeOf } from "./parse-template.ts";
import { PURE_HELPERS, unknownHelper } from "./pure-helpers.ts";
import { createRenderContext, type RenderContext } from "./render-context.ts";
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
  const known = knownHelpers(context);
  const all: Readonly<Record<string, Helper>> = {
    ...known,
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
  return Object.fromEntries([
    ["helperMissing", placing((...args) => missing(args, Object.keys(known)))],
    ...used.flatMap((name) =>
      Object.hasOwn(all, name) ? [[name, placing(all[name] as Helper)]] : [],
    ),
  ]) as Record<string, Helper>;
}

/** Made once for each render, however many files it has. */
const bound = new WeakMap<RenderContext, Readonly<Record<string, Helper>>>();

function knownHelpers(context: RenderContext): Readonly<Record<string, Helper>> {
  const known = bound.get(context) ?? { ...PURE_HELPERS, ...catalogHelpers(context), ...VOUCHING };
  bound.set(context, known);
  return known;
}

/** Within another call they are their argument; around a whole `{{…}}` the rewriting knows them. */
const VOUCHING: Readonly<Record<string, Helper>> = {
  raw: (value) => value,
  snippet: (value) => value,
};

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
function missing(args: readonly unknown[], known: readonly string[]): unknown {
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

/** The names of all helpers that a template may call. */
export const HELPER_NAMES: ReadonlySet<string> = new Set(
  Object.keys(knownHelpers(createRenderContext({ version: 0, get: () => undefined }))),
);
