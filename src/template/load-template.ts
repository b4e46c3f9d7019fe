import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import Handlebars from "handlebars";
import { AppError, messageOf } from "../errors.ts";
import { catalogHelpers } from "./catalog-helpers.ts";
import { emit, type Format } from "./emit.ts";
import type { Helper } from "./helper-definition.ts";
import { PURE_HELPERS, unknownHelper } from "./pure-helpers.ts";
import { createRenderContext, type RenderContext } from "./render-context.ts";
import { EMIT_HELPER, PLAIN_HELPER, placeOf, rewriteTemplate } from "./rewrite-template.ts";
import { TemplateFault, templateError } from "./template-error.ts";

/** A compiled template. */
export interface Template {
  /** As the config names it: for messages. */
  readonly file: string;
  /**
   * Renders with `data` as the root of what paths look up.
   *
   * While answers are missing the text is of no use; the context names them.
   *
   * @throws {AppError} TEMPLATE, with file:line:column and the line itself
   */
  render(context: RenderContext, data: object): string;
}

const BUILTIN_DIRECTORY = new URL("../../templates/", import.meta.url);

/** The absolute path of a config's template, which may be `builtin:nginx/service-proxy.conf`. */
export function templatePath(name: string): string {
  if (!name.startsWith("builtin:")) return name;
  const path = name.slice("builtin:".length);
  if (/^[\w-]+\/[\w.-]+$/.test(path)) return fileURLToPath(new URL(path, BUILTIN_DIRECTORY));
  throw new AppError("TEMPLATE", `Cannot read the template "${name}" as it names no built-in one`, {
    hint: "Use builtin:nginx/service-proxy.conf or builtin:varnish/service-proxy.vcl",
  });
}

/**
 * Reads and compiles a template.
 *
 * @throws {AppError} TEMPLATE when it cannot be read, does not parse, or calls an unknown helper
 */
export async function loadTemplate(name: string, format: Format): Promise<Template> {
  let text: string;
  try {
    text = await readFile(templatePath(name), "utf8");
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("TEMPLATE", `Cannot read the template "${name}" as ${messageOf(cause)}`, {
      hint: "Correct the file entry's template in the config",
      cause,
    });
  }
  return compileTemplate(text, { file: name, format });
}

/**
 * Compiles a template's text. Each gets an isolated Handlebars of its own.
 *
 * @throws {AppError} TEMPLATE, with file:line:column and the line itself
 */
export function compileTemplate(
  text: string,
  { file, format }: { readonly file: string; readonly format: Format },
): Template {
  const handlebars = Handlebars.create();
  handlebars.unregisterHelper("log"); // it prints
  const program = parse(handlebars, text, file);
  const [fault] = rewriteTemplate(program, HELPER_NAMES);
  if (fault !== undefined) throw templateError(fault, { file, text });
  const delegate = handlebars.compile(program, { explicitPartialContext: true });
  return {
    file,
    render(context, data) {
      try {
        return delegate(data, {
          helpers: renderHelpers(context, format),
        });
      } catch (error) {
        // With answers missing the values are stand-ins, and what breaks on them says nothing.
        if (context.missing.size > 0) return "";
        throw templateError(toFault(error), { file, text });
      }
    },
  };
}

function parse(handlebars: typeof Handlebars, text: string, file: string): hbs.AST.Program {
  try {
    return handlebars.parse(text, { srcName: file });
  } catch (error) {
    throw templateError(syntaxFault(error), { file, text });
  }
}

/** Handlebars names the place of a syntax error in its message, and of some in fields. */
function syntaxFault(error: unknown): TemplateFault {
  const { lineNumber, column } = error as {
    readonly lineNumber?: number;
    readonly column?: number;
  };
  const [first = "", near = "", mark = "", expectation = ""] = messageOf(error).split("\n");
  const line = /^Parse error on line (\d+)/.exec(first)?.[1];
  const hint = "Correct the template; the last good one stays in force";
  if (line === undefined) {
    const place =
      lineNumber === undefined ? undefined : { line: lineNumber, column: (column ?? 0) + 1 };
    return new TemplateFault(first.replace(/ - \d+:\d+$/, ""), { hint, place });
  }
  const got = /got '(\w+)'$/.exec(expectation)?.[1];
  const reads = mark.endsWith("^")
    ? ` at "${near.slice(Math.max(0, mark.length - 20), mark.length + 20).trim()}"`
    : "";
  return new TemplateFault(`not a valid template: unexpected ${got ?? "text"}${reads}`, {
    hint,
    place: { line: Number(line), column: 1 },
  });
}

function toFault(error: unknown): TemplateFault {
  if (error instanceof TemplateFault) return error;
  return new TemplateFault(messageOf(error), {
    hint: "Correct the template; the last good one stays in force",
  });
}

function renderHelpers(context: RenderContext, format: Format): Record<string, Helper> {
  const catalog = catalogHelpers(context);
  const known: Readonly<Record<string, Helper>> = { ...PURE_HELPERS, ...catalog };
  const all: Record<string, Helper> = {
    ...known,
    helperMissing: (...args) => missing(args, Object.keys(known)),
    [EMIT_HELPER]: (value) => emit(value, format),
    [PLAIN_HELPER](name, options) {
      const item = this as Readonly<Record<string, unknown>> | null | undefined;
      const key = String(name);
      if (typeof item === "object" && item !== null && Object.hasOwn(item, key)) return item[key];
      return known[key]?.call(this, options);
    },
  };
  return Object.fromEntries(Object.entries(all).map(([name, helper]) => [name, placing(helper)]));
}

/** Handlebars calls this for a bare name that is neither a field nor a helper: it then has no value. */
function missing(args: readonly unknown[], known: readonly string[]): unknown {
  if (args.length === 1) return undefined;
  throw unknownHelper(String((args.at(-1) as { readonly name?: string }).name), known);
}

/** Gives a helper's fault the place of its call, which Handlebars hands over in the options. */
function placing(helper: Helper): Helper {
  return function placed(...args) {
    try {
      return helper.apply(this, args);
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      error.place ??= placeOf((args.at(-1) as { readonly loc?: hbs.AST.SourceLocation }).loc);
      throw error;
    }
  };
}

const HELPER_NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(PURE_HELPERS),
  ...Object.keys(catalogHelpers(createRenderContext({ version: 0, get: () => undefined }))),
]);
