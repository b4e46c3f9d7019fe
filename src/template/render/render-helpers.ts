import Handlebars from "handlebars";
import { CALLS, HELPERS, LOOPS, WRITERS } from "../compile/compile-handlebars.ts";
import type { Emission, Program } from "../compile/compile-template.ts";
import { PLAIN_HELPER } from "../compile/rewrite-template.ts";
import type { HandlebarsHelper } from "../handlebars-helper.ts";
import { DEFINITIONS, isReusable, pureHelper } from "../helpers/all-helpers.ts";
import { bindHelper, faultIn, unboundHelper } from "../helpers/bind-helper.ts";
import { unknownHelper } from "../helpers/unknown-helper.ts";
import type { Trace } from "../provenance/trace.ts";
import { TemplateFault, type TemplatePlace } from "../template-error.ts";
import { toText, type Writer } from "../written-text.ts";
import type { RenderContext } from "./render-context.ts";
import { loopHelper } from "./render-loop.ts";

/** Written in place of each value where only the shape of the output counts. */
const PLACEHOLDER = "x";

type Helpers = Readonly<Record<string, HandlebarsHelper>>;
type Call = (...args: readonly unknown[]) => unknown;

/** What a program is given to run in one render. */
export function renderHelpers(program: Program, context: RenderContext): object {
  const { trace } = context;
  return {
    [HELPERS]: helpersOf(context),
    [CALLS]: trace === undefined ? callsOf(program) : tracedCalls(program, trace),
    [LOOPS]: program.loops.map((loop) => loopHelper(loop, context)),
    [WRITERS]: trace?.writers(program) ?? writersOf(program, context),
    helperMissing: missing,
  };
}

/** The same, slower, so that each fault has the place in the template that it comes from. */
export function placingHelpers(program: Program, context: RenderContext): object {
  const writers = writersOf(program, context);
  return {
    ...renderHelpers(program, context),
    [CALLS]: placedCalls(program),
    [WRITERS]: program.emissions.map(({ place }, i) => placing(writers[i] as Writer, place)),
  };
}

/** Made once for each render, however many files it has. */
const bound = new WeakMap<RenderContext, Helpers>();

function helpersOf(context: RenderContext): Helpers {
  const before = bound.get(context);
  if (before !== undefined) return before;
  const answering = named(ANSWERING.map((name) => [name, bindHelper(name, context)]));
  const helpers: Helpers = Object.assign(Object.create(WITH_BLOCKS), answering, {
    ...context.trace?.helpers,
    [PLAIN_HELPER](this: unknown, name: unknown, options: unknown) {
      const item = this as Readonly<Record<string, unknown>> | null | undefined;
      const key = String(name);
      if (typeof item === "object" && item !== null && Object.hasOwn(item, key)) return item[key];
      return (answering[key] ?? PURE[key])?.call(this, options);
    },
  });
  bound.set(context, helpers);
  return helpers;
}

/** Helpers that ask the render's context: they are bound to each render. */
const ANSWERING: readonly string[] = [...DEFINITIONS.keys()].filter((name) => !isPure(name));

/** Handlebars' own blocks. */
const BLOCKS = Object.fromEntries(
  ["if", "unless", "each", "with"].map((name) => [name, Handlebars.helpers[name]]),
);

/** Within another call they are their argument; around a whole `{{…}}` the rewriting knows them. */
const VOUCHING: Helpers = {
  raw: (value) => value,
  snippet: (value) => value,
};

/** Helpers that look at nothing but their arguments, which all renders share. */
const PURE = named([
  ...[...DEFINITIONS.keys()].filter(isPure).map((name) => [name, unboundHelper(name)] as const),
  ...Object.entries(VOUCHING),
]);

const WITH_BLOCKS: Helpers = Object.assign(Object.create(null), PURE, BLOCKS);

/** Without a prototype no name finds what is no helper. */
function named(helpers: readonly (readonly [string, HandlebarsHelper | undefined])[]): Helpers {
  return Object.assign(Object.create(null), Object.fromEntries(helpers)) as Helpers;
}

const calls = new WeakMap<Program, readonly Call[]>();

function callsOf(program: Program): readonly Call[] {
  const known = calls.get(program) ?? program.calls.map(({ name }) => pureHelper(name) as Call);
  calls.set(program, known);
  return known;
}

const placedCalls = (program: Program): readonly Call[] =>
  program.calls.map(({ name, place }) => {
    const call = pureHelper(name) as Call;
    return placing((...args) => {
      try {
        return call(...args);
      } catch (error) {
        throw faultIn(name, error);
      }
    }, place);
  });

const tracedCalls = (program: Program, trace: Trace): readonly Call[] => {
  const placed = placedCalls(program);
  return program.calls.map(({ place }, i) => trace.call(placed[i] as Call, place));
};

const writers = new WeakMap<Program, readonly Writer[]>();

function writersOf(program: Program, { isShapeOnly }: RenderContext): readonly Writer[] {
  if (isShapeOnly) return program.emissions.map(shapeWriter);
  const known = writers.get(program) ?? program.emissions.map(valueWriter);
  writers.set(program, known);
  return known;
}

const valueWriter =
  ({ escape: toPlace }: Emission): Writer =>
  (value) =>
    toPlace(toText(value));

const shapeWriter = ({ kind }: Emission): Writer =>
  kind === "snippet" ? toText : (value) => (toText(value) === "" ? "" : PLACEHOLDER);

/** Handlebars calls this for a bare name that is neither a field nor a helper: it then has no value. */
function missing(...args: readonly unknown[]): unknown {
  if (args.length === 1) return undefined;
  const { name } = args.at(-1) as { readonly name?: string };
  throw unknownHelper(String(name), HELPER_NAMES);
}

/** Gives faults the place that they come from. */
function placing<A extends readonly unknown[], R>(
  work: (...args: A) => R,
  place: TemplatePlace | undefined,
): (...args: A) => R {
  return (...args) => {
    try {
      return work(...args);
    } catch (error) {
      if (error instanceof TemplateFault) error.place ??= place;
      throw error;
    }
  };
}

/** The names of all helpers that a template may call. */
export const HELPER_NAMES: ReadonlySet<string> = new Set([
  ...DEFINITIONS.keys(),
  ...Object.keys(VOUCHING),
]);

/** Whether a helper writes nothing where it is called as a statement. */
export const writesNothing = (name: string): boolean =>
  DEFINITIONS.get(name)?.writesNothing === true;

/** Whether a helper looks at nothing but its arguments. */
export function isPure(name: string): boolean {
  return pureHelper(name) !== undefined;
}

/** Whether a helper gives the same for the same arguments and answers, and does nothing else. */
export const isReusableHelper = (name: string): boolean =>
  isReusable(name) || name === "lookup" || Object.hasOwn(VOUCHING, name);
