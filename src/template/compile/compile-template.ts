import type Handlebars from "handlebars";
import { type Escape, escapeFor, lexerOf } from "../escape/escaper.ts";
import { createPlaceFinder, type PlaceFinder, type States, union } from "../escape/find-places.ts";
import { placeOf } from "../place-of.ts";
import { TemplateFault, type TemplatePlace, type TemplateSources } from "../template-error.ts";
import type { Format } from "../written-text.ts";
import { rewriteCallsWithoutOutput } from "./calls-without-output.ts";
import { callName, compileHandlebars, loopName } from "./compile-handlebars.ts";
import { findLoops, type Loop } from "./find-loops.ts";
import { parseTemplate } from "./parse-template.ts";
import { hoistInlinePartials, partialName, unknownPartial } from "./partials.ts";
import {
  type EmissionKind,
  MARK_HELPER,
  PLAIN_HELPER,
  type RawOutput,
  rewriteTemplate,
} from "./rewrite-template.ts";

/** A template as Handlebars runs it, with all partials that it includes. */
export interface Program {
  readonly main: Handlebars.TemplateDelegate;
  readonly partials: Readonly<Record<string, Handlebars.TemplateDelegate>>;
  /** By the number that the program writes them by. */
  readonly emissions: readonly Emission[];
  /** By the number that the program calls them by. */
  readonly calls: readonly PureCall[];
  /** By the number that the mark helper is called with. */
  readonly marks: readonly TemplatePlace[];
  readonly raw: readonly RawOutput[];
  /** Loops whose iterations can be reused, by the number that the program calls them by. */
  readonly loops: readonly Loop[];
  /** Whether its text as a whole can be reused while its data and the answers that it used are the same. */
  readonly isReusable: boolean;
}

/** A call of a helper that looks at nothing but its arguments. */
interface PureCall {
  readonly name: string;
  readonly place: TemplatePlace | undefined;
}

/** A value that a program writes. */
export interface Emission {
  readonly kind: EmissionKind;
  /** Leaves what is not to be escaped as it is. */
  readonly escape: Escape;
  readonly place: TemplatePlace | undefined;
}

/** What a template is compiled from. */
export interface CompileOptions {
  readonly format: Format;
  readonly helpers: ReadonlySet<string>;
  /** Whether a helper writes nothing. */
  readonly writesNothing: (helper: string) => boolean;
  /** Whether a helper looks at nothing but its arguments. */
  readonly isPure: (helper: string) => boolean;
  /** Whether a helper gives the same for the same arguments and answers, and does nothing else. */
  readonly isReusable: (helper: string) => boolean;
  /** Whether each piece of the output is marked with its place. */
  readonly isMarked: boolean;
}

/**
 * Compiles a template with the partials that it includes. A partial is compiled once for each way of
 * places that it is included in.
 *
 * @throws {TemplateFault} with its place, and with all further faults of partials and of unknown helpers
 */
export function compileProgram(sources: TemplateSources, options: CompileOptions): Program {
  const main = parseTemplate(sources.texts.get(sources.file) ?? "", sources.file);
  rewriteCallsWithoutOutput(main, options.writesNothing);
  const inline = new Map<string, hbs.AST.Program>();
  hoistInlinePartials(main, inline);
  const partials = new Map<string, { program: hbs.AST.Program; after: States }>();
  /** Of partials. The templates that include them are still checked. */
  const faults: TemplateFault[] = [];
  const finder: PlaceFinder = createPlaceFinder(lexerOf(options.format), include);
  finder.follow(main, finder.start);
  return link(main);

  function include(statement: hbs.AST.PartialStatement, before: States): States {
    const name = partialName(statement);
    const key = `${name} ${[...before.keys()].toSorted().join(" ")}`;
    statement.name = stringLiteral(key, statement.loc);
    const known = partials.get(key);
    if (known !== undefined) return known.after;
    const program = tryRead(name, statement);
    if (program === undefined) return before;
    const partial = { program, after: new Map() as States };
    partials.set(key, partial);
    // A partial that includes itself is followed until that leads to nothing new.
    for (;;) {
      const after = union(partial.after, finder.follow(partial.program, before), statement);
      if (after.size === partial.after.size) return after;
      partial.after = after;
    }
  }

  function tryRead(name: string, statement: hbs.AST.PartialStatement) {
    try {
      return read(name, statement);
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      faults.push(error);
      return undefined;
    }
  }

  /** A copy of its own: the same text may be included at other kinds of places. */
  function read(name: string, { loc }: hbs.AST.PartialStatement): hbs.AST.Program {
    const own = inline.get(name);
    if (own !== undefined) return structuredClone(own);
    const text = sources.texts.get(name);
    if (text === undefined || name === sources.file) throw unknownPartial(name, sources, loc);
    const program = parseTemplate(text, name);
    rewriteCallsWithoutOutput(program, options.writesNothing);
    hoistInlinePartials(program, inline);
    return program;
  }

  function link(program: hbs.AST.Program): Program {
    const emissions: Emission[] = [];
    const calls: PureCall[] = [];
    const { places } = finder;
    const marks: TemplatePlace[] = [];
    const programs = {
      main: program,
      partials: new Map([...partials].map(([key, it]) => [key, it.program])),
    };
    const rewritten = [program, ...programs.partials.values()].map((it) =>
      rewriteTemplate(it, {
        helpers: options.helpers,
        writesNothing: options.writesNothing,
        call: (name, place) => (options.isPure(name) ? calls.push({ name, place }) - 1 : undefined),
        emission(mustache, kind) {
          const place = placeOf(mustache.loc);
          const toPlace = kind === "escaped" ? escapeFor(places.get(mustache) ?? []) : asItIs;
          return emissions.push({ kind, escape: toPlace, place }) - 1;
        },
        ...(options.isMarked ? { mark: (statement) => marks.push(startOf(statement)) - 1 } : {}),
      }),
    );
    throwAll([...faults, ...rewritten.flatMap((it) => it.faults)]);
    const found = options.isMarked ? NO_LOOPS : findLoops(programs, options.isReusable);
    const known = [
      ...options.helpers,
      ...calls.map((_, i) => callName(i)),
      ...found.loops.map((_, i) => loopName(i)),
      PLAIN_HELPER,
      MARK_HELPER,
    ];
    const compile = (it: hbs.AST.Program) => compileHandlebars(it, known);
    return {
      main: compile(program),
      partials: Object.fromEntries([...programs.partials].map(([key, it]) => [key, compile(it)])),
      emissions,
      calls,
      marks,
      raw: rewritten.flatMap(({ raw }) => raw),
      ...found,
    };
  }
}

const NO_LOOPS = { loops: [], isReusable: false };

const asItIs: Escape = (text) => text;

/** A partial that is included in several places has each of its faults once. */
function throwAll(faults: readonly TemplateFault[]): void {
  const [first, ...also] = new Map(faults.map((it) => [faultKey(it), it])).values();
  if (first === undefined) return;
  const { message, hint, place } = first;
  throw new TemplateFault(message, { hint, place, also });
}

const faultKey = ({ message, place }: TemplateFault): string => JSON.stringify([message, place]);

/** Where a statement's text begins: blank lines that Handlebars takes away around blocks are not part of it. */
function startOf(statement: hbs.AST.Statement): TemplatePlace {
  const { source, start } = statement.loc;
  const { value, original } = statement as unknown as { value?: string; original?: string };
  const whole = typeof original === "string" && typeof value === "string" ? original : "";
  const skipped = whole.startsWith(value ?? "") ? "" : whole.slice(0, whole.indexOf(value ?? ""));
  const lines = skipped.split("\n").length - 1;
  return { file: source, line: start.line + lines, column: lines > 0 ? 1 : start.column + 1 };
}

function stringLiteral(value: string, loc: hbs.AST.SourceLocation): hbs.AST.PathExpression {
  return {
    type: "StringLiteral",
    value,
    original: value,
    loc,
  } as unknown as hbs.AST.PathExpression;
}
