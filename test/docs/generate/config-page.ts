import { z } from "zod";
import { configJsonSchema } from "../../../src/config/known-keys.ts";
import { configSchema } from "../../../src/config/schema.ts";
import { CONFIG_INTRODUCTION, ENVIRONMENT } from "./config-text.ts";
import { code, GENERATED, plain, table } from "./markdown.ts";

/** What is read of a JSON Schema here. */
interface Schema {
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
}

/** One key of the config, by its path below a section. */
interface Key {
  readonly path: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
}

/** The page of all keys of the config, in Markdown. */
export function configPage(): string {
  const read = z.toJSONSchema(configSchema, { io: "output", unrepresentable: "any" });
  const top = withDefaults(configJsonSchema(), read as Schema);
  const sections = Object.entries(top.properties ?? {}).filter(([, it]) => it.properties);
  const kinds = top.properties?.["proxies"]?.items?.oneOf ?? [];
  const shared = sharedKeys(kinds);
  return [
    `# Config\n\n${GENERATED}\n\n${CONFIG_INTRODUCTION}`,
    `## Top level\n\n${keyTable(topKeys(top))}`,
    ...sections.map(([name, it]) => section(code(name), it.description, keysOf(it, name))),
    section("Every proxy", "Keys of an entry of `proxies`, whatever its kind.", shared),
    ...kinds.map((kind) => kindSection(kind, shared)),
    ENVIRONMENT,
  ].join("\n\n");
}

const section = (title: string, text: string | undefined, keys: readonly Key[]): string =>
  `## ${title}\n\n${plain(text ?? "")}\n\n${keyTable(keys)}`;

function kindSection(kind: Schema, shared: readonly Key[]): string {
  const name = String(kind.properties?.["kind"]?.const);
  const known = new Set(shared.map(({ path }) => path));
  const own = keysOf(kind).filter(({ path }) => !known.has(path));
  return section(
    `A proxy of kind ${code(name)}`,
    `Further keys of an entry with ${code(`kind: ${name}`)}.`,
    own,
  );
}

const topKeys = ({ properties = {}, required }: Schema): readonly Key[] =>
  Object.entries(properties).map(([path, schema]) => ({
    path,
    schema,
    isRequired: required?.includes(path) ?? false,
  }));

/** The keys that have the same meaning in every kind. */
function sharedKeys([first, ...others]: readonly Schema[]): readonly Key[] {
  const texts = others.map((it) => new Set(keysOf(it).map((key) => JSON.stringify(key))));
  return keysOf(first ?? {}).filter((key) => texts.every((it) => it.has(JSON.stringify(key))));
}

/** A key and the keys below it, in the order of the schema. */
function keysOf(schema: Schema, prefix = ""): readonly Key[] {
  return topKeys(schema).flatMap((key) => {
    const path = prefix === "" ? key.path : `${prefix}.${key.path}`;
    const inner = [key.schema, ...(key.schema.anyOf ?? [])];
    return [
      { ...key, path },
      ...inner.flatMap((it) => keysOf(it, path)),
      ...(key.schema.items ? keysOf(key.schema.items, `${path}[]`) : []),
    ];
  });
}

const keyTable = (keys: readonly Key[]): string =>
  table(
    ["key", "default", "meaning"],
    keys.map((key) => [code(key.path), defaultText(key), meaning(key.schema)]),
  );

function defaultText({ schema, isRequired }: Key): string {
  if (isRequired) return "required";
  const { default: value } = schema;
  const isShown = ["string", "number", "boolean"].includes(typeof value);
  return isShown ? code(`${value as string | number | boolean}`) : "–";
}

/**
 * Copies the defaults of what is read. Of keys that take a number or a switch also as text, the schema of what may be
 * written has none.
 */
function withDefaults(written: Schema, read: Schema | undefined): Schema {
  const { items, oneOf, properties } = written;
  const value = written.default ?? read?.default;
  return {
    ...written,
    ...(value === undefined ? {} : { default: value }),
    ...(items && { items: withDefaults(items, read?.items) }),
    ...(oneOf && { oneOf: oneOf.map((it, i) => withDefaults(it, read?.oneOf?.[i])) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, it]) => [
          name,
          withDefaults(it, read?.properties?.[name]),
        ]),
      ),
    }),
  };
}

function meaning({ description = "", enum: options = [] }: Schema): string {
  const missing = options.filter((it) => !description.includes(String(it)));
  const values =
    missing.length === 0 ? "" : ` One of ${options.map((it) => code(String(it))).join(", ")}.`;
  return `${plain(description)}${values}`;
}
