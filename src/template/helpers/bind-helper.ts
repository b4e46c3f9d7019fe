import type { Helper } from "../helper-definition.ts";
import { placeOf } from "../parse-template.ts";
import type { RenderContext } from "../render-context.ts";
import { TemplateFault } from "../template-error.ts";
import { DEFINITIONS } from "./all-helpers.ts";
import { ArgumentFault, faultOf } from "./arguments.ts";
import type { HelperDefinition } from "./definition.ts";

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
  const run = "run" in definition ? definition.run : undefined;
  return (...args) => {
    const options = args.at(-1) as Options;
    try {
      if (run !== undefined) return call(run, args);
      const { answer } = definition as Extract<HelperDefinition, { readonly answer: unknown }>;
      return answer({ context, named: options.hash }, ...args.slice(0, -1));
    } catch (error) {
      const fault =
        error instanceof ArgumentFault ? faultOf(name, error, definition.signature) : error;
      if (fault instanceof TemplateFault) fault.place ??= placeOf(options.loc);
      throw fault;
    }
  };
}

/** Without the options. Helpers are called many thousand times in a render, mostly with few arguments. */
function call(run: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): unknown {
  switch (args.length) {
    case 1:
      return run();
    case 2:
      return run(args[0]);
    case 3:
      return run(args[0], args[1]);
    case 4:
      return run(args[0], args[1], args[2]);
    default:
      return run(...args.slice(0, -1));
  }
}
