import { z } from "zod";
import { configSchema } from "./schema.ts";

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly const?: unknown;
};

/** JSON Schema (draft 2020-12) of the config file, for editors and for `fairlead schema`. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
}

/** The keys that the config's schema knows at `path` of `value`. Empty where any key is welcome. */
export function knownKeys(path: readonly PropertyKey[], value: unknown): readonly string[] {
  let schema: JsonSchema | undefined = configJsonSchema();
  let current = value;
  for (const step of path) {
    schema = choose(schema, current);
    schema = typeof step === "number" ? schema?.items : schema?.properties?.[String(step)];
    current = (current as Record<PropertyKey, unknown> | undefined)?.[step];
  }
  return Object.keys(choose(schema, current)?.properties ?? {});
}

/** Of several kinds, the one whose fixed `kind` is that of the value. */
function choose(schema: JsonSchema | undefined, value: unknown): JsonSchema | undefined {
  if (schema?.oneOf === undefined) return schema;
  const kind = (value as { readonly kind?: unknown } | undefined)?.kind;
  return schema.oneOf.find((option) => option.properties?.["kind"]?.const === kind);
}
