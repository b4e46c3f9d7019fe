import { readFile } from "node:fs/promises";
import type Handlebars from "handlebars";
import { AppError, messageOf } from "../../errors.ts";
import { builtinFile } from "../builtin-files.ts";
import type { RenderContext } from "../render/render-context.ts";
import {
  HELPER_NAMES,
  isPure,
  isReusableHelper,
  placingHelpers,
  renderHelpers,
  writesNothing,
} from "../render/render-helpers.ts";
import { TemplateFault, type TemplateSources, templateError } from "../template-error.ts";
import type { Format } from "../written-text.ts";
import { compileProgram, type Program } from "./compile-template.ts";
import type { RawOutput } from "./rewrite-template.ts";

/** A compiled template. */
export interface Template {
  readonly sources: TemplateSources;
  /** Where it writes values without escaping. */
  readonly raw: readonly RawOutput[];
  /** Whether the same data and answers give the same text. */
  readonly isReusable: boolean;
  /**
   * Renders with `data` as the root of what paths look up.
   *
   * While answers are missing the text is of no use; the context names them.
   *
   * @throws {AppError} TEMPLATE, with file:line:column and the line itself
   */
  render(context: RenderContext, data: object): string;
}

/** The absolute path of a config's template, which may be `builtin:nginx/service-proxy.conf`. */
export function templatePath(name: string): string {
  if (!name.startsWith("builtin:")) return name;
  const path = name.slice("builtin:".length);
  if (/^[\w-]+\/[\w.-]+$/.test(path)) return builtinFile(path);
  throw new AppError("TEMPLATE", `Cannot read the template "${name}" as it names no built-in one`, {
    hint: "Use builtin:nginx/service-proxy.conf or builtin:varnish/service-proxy.vcl",
  });
}

/** How a template is loaded. */
export interface TemplateOptions {
  readonly format: Format;
  /** Texts of partials by the name that templates include them by. */
  readonly partials?: ReadonlyMap<string, string>;
}

/**
 * Reads and compiles a template.
 *
 * @throws {AppError} TEMPLATE when it cannot be read, does not parse, or calls an unknown helper
 */
export async function loadTemplate(name: string, options: TemplateOptions): Promise<Template> {
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
  return compileTemplate(text, { file: name, ...options });
}

/**
 * Compiles a template's text.
 *
 * @throws {AppError} TEMPLATE, with file:line:column and the line itself
 */
export function compileTemplate(
  text: string,
  { file, format, partials }: TemplateOptions & { readonly file: string },
): Template {
  const sources = { file, texts: new Map([...(partials ?? []), [file, text]]) };
  const compile = (isMarked: boolean): Program => {
    try {
      const helpers = {
        helpers: HELPER_NAMES,
        isPure,
        isReusable: isReusableHelper,
        writesNothing,
      };
      return compileProgram(sources, { format, ...helpers, isMarked });
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      throw templateError(error, sources);
    }
  };
  const program = compile(false);
  /** Compiled when a trace is first wanted. */
  let marked: Program | undefined;
  return {
    sources,
    raw: format === "nginx" || format === "vcl" ? program.raw : [],
    isReusable: program.isReusable,
    render(context, data) {
      if (context.trace !== undefined) marked ??= compile(true);
      return run(context.trace === undefined ? program : (marked ?? program), context, data);
    },
  };

  function run(compiled: Program, context: RenderContext, data: object): string {
    try {
      return call(compiled, { context, data }, renderHelpers);
    } catch (error) {
      // With answers missing the values are placeholders, and their faults mean nothing.
      if (context.missing.size > 0) return "";
      throw templateError(placed(error, compiled, { context, data }), sources);
    }
  }
}

interface RenderedFrom {
  readonly context: RenderContext;
  readonly data: object;
}

function call(
  program: Program,
  { context, data }: RenderedFrom,
  bind: typeof renderHelpers,
): string {
  context.scratch.clear();
  const { main, partials } = program;
  return main(data, { helpers: bind(program, context), partials } as Handlebars.RuntimeOptions);
}

/** Calls that know their place are slow: only a program that failed runs again with them. */
function placed(error: unknown, program: Program, from: RenderedFrom): TemplateFault {
  if (error instanceof TemplateFault && error.place !== undefined) return error;
  try {
    call(program, from, placingHelpers);
  } catch (again) {
    if (again instanceof TemplateFault) return again;
  }
  return toFault(error);
}

function toFault(error: unknown): TemplateFault {
  if (error instanceof TemplateFault) return error;
  return new TemplateFault(messageOf(error), {
    hint: "Correct the template; the last known good one stays in force",
  });
}
