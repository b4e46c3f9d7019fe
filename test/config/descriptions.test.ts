import { expect, test } from "vitest";
import { configJsonSchema, type JsonSchema } from "../../src/config/known-keys.ts";

test("every key of the config has a description, in whole sentences", () => {
  const keys = keysOf(configJsonSchema());
  expect(keys.size).toBeGreaterThan(60);
  const poor = [...keys].filter(([, text]) => !/^[A-Z`n].*\.$/.test(text ?? ""));
  expect(poor).toEqual([]);
});

type Described = JsonSchema & {
  readonly description?: string;
  readonly anyOf?: readonly JsonSchema[];
};

/** Descriptions by the path of their key. */
function keysOf(schema: Described, at = ""): ReadonlyMap<string, string | undefined> {
  const keys = new Map<string, string | undefined>();
  for (const [name, child] of Object.entries(schema.properties ?? {}) as [string, Described][]) {
    const path = `${at}.${name}`;
    keys.set(path, child.description);
    for (const [below, text] of keysOf(child, path)) keys.set(below, text);
  }
  const parts = [schema.items, ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])];
  for (const part of parts) {
    if (part === undefined) continue;
    for (const [below, text] of keysOf(part, `${at}[]`)) {
      keys.set(below, keys.get(below) ?? text);
    }
  }
  return keys;
}
