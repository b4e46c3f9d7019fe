import type { Helper } from "../helper-definition.ts";
import { placeOf } from "../parse-template.ts";
import type { RenderContext } from "../render-context.ts";
import { TemplateFault } from "../template-error.ts";
import { ADDRESSES } from "./addresses.ts";
import { ArgumentFault, faultOf } from "./arguments.ts";
import { CATALOG_QUERIES } from "./catalog-queries.ts";
import { COMPARISON } from "./comparison.ts";
import type { HelperDefinition, HelperGroup } from "./definition.ts";
import { KEYS } from "./keys.ts";
import { LISTS } from "./lists.ts";
import { NUMBERS } from "./numbers.ts";
import { PARSE_AND_EMIT } from "./parse-and-emit.ts";
import { REGULAR_EXPRESSIONS } from "./regular-expressions.ts";
import { ROUTES } from "./routes.ts";
import { STRINGS } from "./strings.ts";

/** All helpers, in the order in which they are told. */
export const HELPER_GROUPS: readonly HelperGroup[] = [
  CATALOG_QUERIES,
  KEYS,
  ROUTES,
  COMPARISON,
  STRINGS,
  REGULAR_EXPRESSIONS,
  LISTS,
  NUMBERS,
  PARSE_AND_EMIT,
  ADDRESSES,
];

const DEFINITIONS: ReadonlyMap<string, HelperDefinition> = new Map(
  HELPER_GROUPS.flatMap(({ helpers }) =>
    Object.entries(helpers).flatMap(([name, definition]) =>
      [name, ...(definition.aliases ?? [])].map((it) => [it, definition] as const),
    ),
  ),
);

/** The names, with aliases, of all helpers. */
export const DEFINED_NAMES: ReadonlySet<string> = new Set(DEFINITIONS.keys());

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
      const fault =
        error instanceof ArgumentFault ? faultOf(name, error, definition.signature) : error;
      if (fault instanceof TemplateFault) fault.place ??= placeOf(options.loc);
      throw fault;
    }
  };
}
