import type { Query } from "../catalog/query.ts";
import type { FileTemplate } from "../template/compile/proxy-templates.ts";
import type { TemplatePlace, TemplateSources } from "../template/template-error.ts";

/** The place in a template of a query. */
export interface QueryPlace {
  readonly place: TemplatePlace;
  readonly sources: TemplateSources;
}

/** Finds the place of a query in templates. Finds none when the template puts the query's name together from parts. */
export function findQueryPlace(
  query: Query,
  templates: readonly FileTemplate[],
): QueryPlace | undefined {
  const name = nameIn(query);
  if (name === undefined) return undefined;
  for (const { sources } of templates.map(({ content }) => content)) {
    for (const [file, text] of mainFirst(sources)) {
      const place = placeOfText(text, name);
      if (place !== undefined) return { place: { file, ...place }, sources };
    }
  }
  return undefined;
}

/** The name in a query, whatever key its kind has for it. */
function nameIn(query: Query): string | undefined {
  const { key, name, prefix, prepared, node, service, path } = query as unknown as Partial<
    Record<string, string>
  >;
  return key ?? name ?? prepared ?? node ?? service ?? path ?? prefix?.replace(/\/$/, "");
}

const mainFirst = ({ file, texts }: TemplateSources): readonly (readonly [string, string])[] =>
  [...texts].toSorted(([a], [b]) => Number(b === file) - Number(a === file));

/** Finds the name in quotes, alone or with a tag, a datacenter and so on. */
function placeOfText(
  text: string,
  name: string,
): { readonly line: number; readonly column: number } | undefined {
  const word = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = new RegExp(`(["'])(?:[^"'\\n]*\\.)?${word}(?:[@~|][^"'\\n]*)?\\1`).exec(text);
  if (found === null) return undefined;
  const before = text.slice(0, found.index).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}
