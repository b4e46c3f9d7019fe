import { partText } from "../../catalog/part.ts";
import { excerpt } from "../template-error.ts";
import type { BlamedPart } from "./blamed-part.ts";
import { blamed } from "./blamed-part.ts";
import { findLineOrigin } from "./find-line-origin.ts";
import { withoutMarks } from "./marks.ts";
import { quotedValues } from "./quoted-values.ts";
import type { DataSource } from "./sources.ts";
import type { OutputOrigin, Trace } from "./trace.ts";
import type { BlameOptions, Traced } from "./trace-render.ts";
import { traceRender } from "./trace-render.ts";

/** Where a line of a rendered file comes from. */
export interface LineOrigin {
  /** The rendered line, then the template's line with a caret. */
  readonly excerpt: string;
  /** The parts whose data is on it, in its order; none when it is the template's alone. */
  readonly parts: readonly BlamedPart[];
  /** The template's place, which tells two lines apart. */
  readonly place: string;
}

/** A line of a rendered file. */
export interface RenderedLine {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** What the proxy said of it: where that quotes values of some parts, the others on the line are not at fault. */
  readonly message?: string;
}

/**
 * Finds where a line of a rendered file comes from.
 *
 * @returns `undefined` when the path is none of the outputs', or the line none of its lines
 */
export function blameLine(at: RenderedLine, options: BlameOptions): LineOrigin | undefined {
  const traced = traceRender(options);
  return traced && lineOrigin(traced, at);
}

/**
 * Finds where a line of traced drafts comes from.
 *
 * @param options.shownAs the number that the line is shown with
 */
export function lineOrigin(
  { drafts, trace }: Traced,
  { path, line, message = "" }: RenderedLine,
  { shownAs = line } = {},
): LineOrigin | undefined {
  const draft = drafts.find((it) => it.path === path);
  const pieces = draft && findLineOrigin(draft.text, line, trace.origins);
  if (draft === undefined || pieces === undefined) return undefined;
  const written = withoutMarks(draft.text).split("\n")[line - 1] ?? "";
  const { place } =
    pieces.all.find(({ isValue, moment }) => isValue && trace.sourcesAt(moment).length > 0) ??
    pieces.all.find(({ moment }) => trace.sourcesAt(moment).length > 0) ??
    pieces.first;
  const { sources } = draft.template.content;
  const file = place.file ?? sources.file;
  const from = `${file}:${place.line}:${place.column}`;
  return {
    excerpt: `${shownAs} | ${written}\nfrom ${from}\n${excerpt(sources.texts.get(file) ?? "", place)}`,
    place: from,
    parts: partsOnLine(pieces.all, trace, message),
  };
}

interface OnLine {
  readonly source: DataSource;
  readonly values: string[];
}

/** Each part once. Where instances of a service are on a line, its name there is theirs as well. */
function partsOnLine(
  pieces: readonly OutputOrigin[],
  trace: Trace,
  message: string,
): readonly BlamedPart[] {
  const found = new Map<string, OnLine>();
  for (const { moment } of pieces) {
    for (const source of trace.sourcesAt(moment)) {
      const text = partText(source.part);
      const known = found.get(text) ?? { source, values: [] };
      found.set(text, known);
      if (moment.value !== undefined) known.values.push(moment.value);
    }
  }
  const quoted = [...found.values()]
    .map(({ source, values }) => ({ source, values: quotedValues(message, values) }))
    .filter(({ values }) => values.length > 0);
  const onLine = quoted.length > 0 ? quoted : [...found.values()];
  const all = onLine.map(({ source, values }) => blamed(source, values));
  const services = new Set(all.map(({ part }) => part.kind === "instance" && part.service));
  return all.filter(({ part }) => part.kind !== "service" || !services.has(part.service));
}
