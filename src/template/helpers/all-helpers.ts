import { ADDRESSES } from "./addresses.ts";
import { CATALOG_QUERIES } from "./catalog-queries.ts";
import { COMPARISON } from "./comparison.ts";
import type { HelperDefinition, HelperGroup } from "./definition.ts";
import { ENCODING } from "./encoding.ts";
import { GROUPS } from "./groups.ts";
import { KEYS } from "./keys.ts";
import { LISTS } from "./lists.ts";
import { MAPS } from "./maps.ts";
import { MESH } from "./mesh.ts";
import { NUMBERS } from "./numbers.ts";
import { PARSE_AND_EMIT } from "./parse-and-emit.ts";
import { REGULAR_EXPRESSIONS } from "./regular-expressions.ts";
import { ROUTES } from "./routes.ts";
import { SCRATCH } from "./scratch.ts";
import { SETS } from "./sets.ts";
import { STRINGS } from "./strings.ts";
import { TIME_AND_ENVIRONMENT } from "./time-and-environment.ts";

/** All helpers, in the order of the reference. */
export const HELPER_GROUPS: readonly HelperGroup[] = [
  CATALOG_QUERIES,
  KEYS,
  MESH,
  ROUTES,
  TIME_AND_ENVIRONMENT,
  COMPARISON,
  STRINGS,
  REGULAR_EXPRESSIONS,
  LISTS,
  SETS,
  GROUPS,
  MAPS,
  NUMBERS,
  PARSE_AND_EMIT,
  ENCODING,
  ADDRESSES,
  SCRATCH,
];

/** By name, and by each alias. */
export const DEFINITIONS: ReadonlyMap<string, HelperDefinition> = new Map(
  HELPER_GROUPS.flatMap(({ helpers }) =>
    Object.entries(helpers).flatMap(([name, definition]) =>
      [name, ...(definition.aliases ?? [])].map((it) => [it, definition] as const),
    ),
  ),
);

/** Groups whose helpers, but for one, give the same for the same arguments and answers, and do nothing else. */
const FROM_ANSWERS: readonly HelperGroup[] = [
  CATALOG_QUERIES,
  KEYS,
  MESH,
  ROUTES,
  TIME_AND_ENVIRONMENT,
];

const REUSABLE: ReadonlySet<HelperDefinition> = new Set(
  FROM_ANSWERS.flatMap(({ helpers }) => Object.entries(helpers)).flatMap(([name, definition]) =>
    name === "timestamp" ? [] : [definition],
  ),
);

/** A helper that looks at nothing but its arguments, to be called with just them; else `undefined`. */
export function pureHelper(name: string): ((...args: readonly unknown[]) => unknown) | undefined {
  const definition = DEFINITIONS.get(name);
  return definition !== undefined && "run" in definition ? definition.run : undefined;
}

/** Whether a helper gives the same for the same arguments and answers, and does nothing else. */
export function isReusable(name: string): boolean {
  const definition = DEFINITIONS.get(name);
  return definition !== undefined && ("run" in definition || REUSABLE.has(definition));
}
