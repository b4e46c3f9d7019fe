import { configJsonSchema, jsonSchemaOf } from "../../config/known-keys.ts";

/** JSON Schema of the config, or of a file of test cases. */
export async function schemaOf(what: string): Promise<object> {
  if (what === "config") return configJsonSchema();
  const { caseFileSchema } = await import("../../cases/case-schema.ts");
  return jsonSchemaOf(caseFileSchema);
}
