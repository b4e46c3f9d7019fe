import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The parts of a JSON Schema that are used here. */
export type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly const?: unknown;
};

/** JSON Schema (draft 2020-12) of the config file, for editors and for `fairlead schema`. */
export const configJsonSchema = (): object => jsonSchemaOf(configSchema);

/** JSON Schema (draft 2020-12) of a file. */
export function jsonSchemaOf(schema: z.ZodType): object {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
}

/** The keys that a schema knows at `path` of `value`. Empty where any key is welcome. */
export function knownKeys(
  whole: JsonSchema,
  path: readonly PropertyKey[],
  value: unknown,
): readonly string[] {
  let schema: JsonSchema | undefined = whole;
  let current = value;
  for (const step of path) {
    schema = choose(schema, current);
    schema = typeof step === "number" ? schema?.items : memberOf(schema, String(step));
    current = (current as Record<PropertyKey, unknown> | undefined)?.[step];
  }
  return Object.keys(choose(schema, current)?.properties ?? {});
}

const memberOf = (schema: JsonSchema | undefined, key: string): JsonSchema | undefined =>
  schema?.properties?.[key] ??
  (typeof schema?.additionalProperties === "object" ? schema.additionalProperties : undefined);

/** Of several kinds, the one whose fixed `kind` is that of the value. */
function choose(schema: JsonSchema | undefined, value: unknown): JsonSchema | undefined {
  if (schema?.oneOf === undefined) return schema;
  const kind = (value as { readonly kind?: unknown } | undefined)?.kind;
  return schema.oneOf.find((option) => option.properties?.["kind"]?.const === kind);
}
