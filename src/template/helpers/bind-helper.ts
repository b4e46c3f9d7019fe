import type { Helper } from "../helper-definition.ts";
import { placeOf } from "../parse-template.ts";
import type { RenderContext } from "../render-context.ts";
import { TemplateFault } from "../template-error.ts";
import { DEFINITIONS } from "./all-helpers.ts";
import { ArgumentFault, faultOf } from "./arguments.ts";

interface Options {
  readonly hash: Readonly<Record<string, unknown>>;
  readonly loc?: hbs.AST.SourceLocation;
}

/**
 * A helper as Handlebars calls it, which is with its options as the last argument. Its faults carry the
 * place of the call.
 *
 * @returns `undefined` when there is no such helper
 */
export function bindHelper(name: string, context: RenderContext): Helper | undefined {
  const definition = DEFINITIONS.get(name);
  if (definition === undefined) return undefined;
  return (...args) => {
    const options = args.pop() as Options;
    try {
      if ("run" in definition) return definition.run(...args);
      return definition.answer({ context, named: options.hash }, ...args);
    } catch (error) {
      const fault = faultIn(name, error);
      if (fault instanceof TemplateFault) fault.place ??= placeOf(options.loc);
      throw fault;
    }
  };
}

/** What an error in a helper is to whoever wrote the template. */
export function faultIn(name: string, error: unknown): unknown {
  const signature = DEFINITIONS.get(name)?.signature ?? name;
  return error instanceof ArgumentFault ? faultOf(name, error, signature) : error;
}
