import type { HandlebarsHelper } from "../handlebars-helper.ts";
import { placeOf } from "../place-of.ts";
import type { RenderContext } from "../render/render-context.ts";
import { TemplateFault } from "../template-error.ts";
import { DEFINITIONS, pureHelper } from "./all-helpers.ts";
import { ArgumentFault, faultOf } from "./arguments.ts";

interface Options {
  readonly hash: Readonly<Record<string, unknown>>;
  readonly loc?: hbs.AST.SourceLocation;
}

/**
 * A helper that asks the render's context, as Handlebars calls it, which is with its options as the last argument. Its
 * faults carry the place of the call.
 *
 * @returns `undefined` when there is no such helper
 */
export function bindHelper(name: string, context: RenderContext): HandlebarsHelper | undefined {
  const definition = DEFINITIONS.get(name);
  if (definition === undefined || "run" in definition) return undefined;
  return placing(name, (args, { hash }) => definition.answer({ context, named: hash }, ...args));
}

/** The same for a helper that looks at nothing but its arguments. */
export function unboundHelper(name: string): HandlebarsHelper | undefined {
  const run = pureHelper(name);
  return run && placing(name, (args) => run(...args));
}

const placing =
  (name: string, call: (args: readonly unknown[], options: Options) => unknown): HandlebarsHelper =>
  (...args) => {
    const options = args.pop() as Options;
    try {
      return call(args, options);
    } catch (error) {
      const fault = faultIn(name, error);
      if (fault instanceof TemplateFault) fault.place ??= placeOf(options.loc);
      throw fault;
    }
  };

/** An error in a helper, as the template's author sees it. */
export function faultIn(name: string, error: unknown): unknown {
  const signature = DEFINITIONS.get(name)?.signature ?? name;
  return error instanceof ArgumentFault ? faultOf(name, error, signature) : error;
}
