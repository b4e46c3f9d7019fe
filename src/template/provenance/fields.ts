import type { Instance } from "../../catalog/instance.ts";
import { findLeaf } from "./find-leaf.ts";
import type { DataSource } from "./sources.ts";

/** The texts that an element has, by what they are called. */
export function fieldsOf({ part, element }: DataSource): readonly Field[] {
  if (element === undefined) return [];
  if (typeof element !== "object" || element === null) {
    return [{ name: "", value: String(element) }];
  }
  if (part.kind === "instance") return fieldsOfInstance(element as Instance);
  const { tags, meta, address, name, value } = element as FieldsOfOthers;
  return [
    ...fieldsOfTagsAndMeta(tags, meta),
    ...(address === undefined ? [] : [named("address", address)]),
    ...(name === undefined ? [] : [named("name", name)]),
    ...(value === undefined ? [] : [named("value", value)]),
  ];
}

/** A text of an element, with its name and, in short, itself. */
interface Field {
  readonly name: string;
  readonly value: string;
}

interface FieldsOfOthers {
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  readonly address?: string;
  readonly name?: string;
  readonly value?: string;
}

const fieldsOfInstance = ({ tags, meta, address, id, name }: Instance): readonly Field[] => [
  ...fieldsOfTagsAndMeta(tags, meta),
  named("address", address),
  named("id", id),
  named("name", name),
];

const fieldsOfTagsAndMeta = (
  tags: readonly string[] = [],
  meta: Readonly<Record<string, string>> = {},
): readonly Field[] => [
  ...tags.map((value) => named("tag", value)),
  ...Object.entries(meta).map(([key, value]) => named(`meta ${key}=`, value)),
];

const LONGEST_SHOWN = 200;

function named(name: string, value: string): Field {
  const shown = value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value;
  return { name: `${name}${name.endsWith("=") ? "" : " "}${JSON.stringify(shown)}`, value };
}

/**
 * The field of a source's data that written values are from: of several the longest, which says most.
 *
 * @param values what was written
 */
export function fieldWith(values: readonly string[], source: DataSource): string | undefined {
  const fields = fieldsOf(source).filter(({ name }) => name !== "");
  const found = values.flatMap((value) => fieldsOfValue(value, fields, source));
  const [longest] = found.toSorted((a, b) => b.value.length - a.value.length);
  return longest?.name;
}

/** Those of several sources that have a text, or had it when it was parsed; all, where none is known to. */
export function havingText(all: readonly DataSource[], text: string): readonly DataSource[] {
  const having = all.filter((it) => fieldsOf(it).some(({ value }) => value === text));
  if (having.length > 0) return having;
  const parsed = all.filter((it) => it.parsed && findLeaf(it.parsed, text) !== undefined);
  return parsed.length > 0 ? parsed : all;
}

function fieldsOfValue(
  value: string,
  fields: readonly Field[],
  { parsed }: DataSource,
): readonly Field[] {
  const equal = fields.filter((it) => it.value === value && value !== "");
  if (equal.length > 0) return equal;
  if (parsed === undefined) return fields.filter((it) => isWithin(it.value, value));
  const path = findLeaf(parsed, value);
  return path === undefined || path === "" ? [] : [{ name: path, value }];
}

/** Whether one text is in the other, and long enough to say something. */
const isWithin = (field: string, value: string): boolean =>
  field.length > 2 && (value.includes(field) || (value.length > 2 && field.includes(value)));
