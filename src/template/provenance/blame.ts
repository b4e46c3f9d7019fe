import { type Part, partText } from "../../catalog/part.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import { DEFAULT_ROUTES } from "../../config/routes-schema.ts";
import { AppError } from "../../errors.ts";
import type { FileTemplate } from "../compile/proxy-templates.ts";
import { createRenderContext } from "../render/render-context.ts";
import { type Draft, type RenderProxyOptions, renderFiles } from "../render/render-files.ts";
import { RepeatedPathError, ShapeError } from "../render/render-proxy.ts";
import { excerpt, faultText, type TemplateSources } from "../template-error.ts";
import { fieldWith } from "./fields.ts";
import { findLineOrigin } from "./find-line-origin.ts";
import { quotedValues } from "./quoted-values.ts";
import type { Source } from "./sources.ts";
import {
  createTrace,
  type OutputOrigin,
  type Trace,
  type TracedFault,
  withoutMarks,
} from "./trace.ts";

/** A part whose data is at a fault's place. */
export interface BlamedPart {
  readonly part: Part;
  /** Of a service as a whole: those of its instances that the place is about. */
  readonly within?: readonly Part[];
  /** The entry at fault, such as `tag "x"` or `meta title="y"`, where it was found. */
  readonly field?: string;
}

/** A fault of a render that is one of some parts'. */
export interface PartsFault {
  /** One of them is at fault; with a single one it is that. */
  readonly parts: readonly BlamedPart[];
  /** With the template's line. */
  readonly reason: string;
  readonly hint: string;
}

/** Whose data made a render fail. */
export interface RenderBlame {
  readonly faults: readonly PartsFault[];
  /** What is wrong with the template itself, with its line. */
  readonly ofTemplate?: { readonly reason: string; readonly hint: string };
}

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

/** What is rendered again to find out. */
export interface BlameOptions extends RenderProxyOptions {
  readonly templates: readonly FileTemplate[];
  readonly snapshot: Snapshot;
}

/**
 * Finds whose data made a render fail, by rendering again with notes of where everything comes from.
 *
 * A fault is a part's when its value has no safe form, or when other parts pass the same place; else the template's, as
 * it is when all parts meet it.
 */
export function blameRender(error: AppError, options: BlameOptions): RenderBlame {
  const traced = traceRender(options);
  if (traced === undefined) return { faults: [] };
  const { trace } = traced;
  if (error instanceof RepeatedPathError) {
    return { faults: blameClaims(error, traced, options.snapshot) };
  }
  const blamed = trace.faults.map((it) => ({ fault: it, sources: sourcesAtFault(it, trace) }));
  const faults = blamed
    .filter(({ sources }) => sources.length > 0)
    .map(({ fault, sources }) => toPartsFault(fault, sources, options.templates));
  const own = blamed.find(({ sources }) => sources.length === 0)?.fault.fault;
  const ofTemplate = own && { reason: textOf(own, options.templates), hint: own.hint };
  if (faults.length > 0 || ofTemplate !== undefined || !(error instanceof ShapeError)) {
    return { faults, ...(ofTemplate === undefined ? {} : { ofTemplate }) };
  }
  const { parts = [] } = lineOrigin(traced, error.at) ?? {};
  if (parts.length === 0) return { faults: [] };
  return { faults: [{ parts, reason: error.message, hint: error.hint }] };
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

/** The part that an output of an entry with `each` is of; `undefined` when it is of none. */
export function blameOutput(path: string, options: BlameOptions): Part | undefined {
  const traced = traceRender(options);
  const item = traced?.drafts.find((it) => it.path === path)?.item;
  return item === undefined ? undefined : traced?.trace.sourcesOfItem(item)[0]?.part;
}

/** Of the parts that claim one output the oldest keeps it, unless the config itself names it. */
function blameClaims(
  { path, message, hint }: RepeatedPathError,
  { trace, drafts }: Traced,
  snapshot: Snapshot,
): readonly PartsFault[] {
  const claims = drafts.filter((it) => it.path === path);
  const sources = claims.flatMap(({ item }) => (item && trace.sourcesOfItem(item)) ?? []);
  const byAge = sources.toSorted((a, b) => ageOf(a, snapshot) - ageOf(b, snapshot));
  const isNamed = sources.length < claims.length;
  const [oldest] = byAge;
  const isOldest = (it: Source): boolean =>
    oldest !== undefined && partText(it.part) === partText(oldest.part);
  const out = isNamed ? byAge : byAge.filter((it) => !isOldest(it));
  return out.map((it) => ({ parts: [blamed(it, [])], reason: message, hint }));
}

/** The lowest index that an instance of the service was created at; the highest number for what has none. */
function ageOf({ part }: Source, snapshot: Snapshot): number {
  if (part.kind !== "service") return Number.MAX_SAFE_INTEGER;
  const instances = snapshot.get({ kind: "service", name: part.service }) ?? [];
  return Math.min(Number.MAX_SAFE_INTEGER, ...instances.map(({ createIndex }) => createIndex));
}

/** A render with notes of where everything comes from. */
export interface Traced {
  readonly trace: Trace;
  readonly drafts: readonly Draft[];
}

/** Renders with a trace; `undefined` while answers are missing. After a fault that ends the render there are no drafts. */
export function traceRender(options: BlameOptions): Traced | undefined {
  const trace = createTrace();
  const { environment = {}, routesConfig = DEFAULT_ROUTES, leftOut = new Set(), asked } = options;
  const context = createRenderContext(options.snapshot, {
    environment,
    routesConfig,
    leftOut,
    trace,
    asked,
  });
  try {
    const drafts = renderFiles(options.templates, context, options);
    return context.missing.size > 0 ? undefined : { trace, drafts };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return context.missing.size > 0 ? undefined : { trace, drafts: [] };
  }
}

/** The parts of which one is at fault; none when the template is. */
function sourcesAtFault({ fault, at, moment }: TracedFault, trace: Trace): readonly Source[] {
  const sources = trace.sourcesAt(moment);
  if (fault.value !== undefined) return sources;
  const own = new Set(sources.map(({ part }) => partText(part)));
  const passed = new Set<string>();
  for (const other of trace.passed.get(at) ?? []) {
    for (const { part } of trace.sourcesAt(other)) passed.add(partText(part));
  }
  if (![...passed].some((it) => !own.has(it))) return [];
  const failing = sources.filter(({ part }) => !passed.has(partText(part)));
  return failing.length > 0 ? failing : sources;
}

function toPartsFault(
  { fault, moment }: TracedFault,
  sources: readonly Source[],
  templates: readonly FileTemplate[],
): PartsFault {
  const value = moment.value ?? fault.value;
  const values = value === undefined ? [] : [value];
  return {
    parts: sources.map((it) => blamed(it, values)),
    reason: textOf(fault, templates),
    hint: fault.hint,
  };
}

/** @param values what was written of it */
function blamed(source: Source, values: readonly string[]): BlamedPart {
  const { part, within = [] } = source;
  const fields = [source, ...within].map((it) => fieldWith(values, it));
  const field = fields.find((it) => it !== undefined);
  return {
    part,
    ...(within.length === 0 ? {} : { within: within.map((it) => it.part) }),
    ...(field === undefined ? {} : { field }),
  };
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
  readonly source: Source;
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

function textOf(fault: TracedFault["fault"], templates: readonly FileTemplate[]): string {
  const sources = sourcesOf(templates, fault.place?.file);
  return sources === undefined ? fault.message : faultText(fault, sources);
}

function sourcesOf(
  templates: readonly FileTemplate[],
  file: string | undefined,
): TemplateSources | undefined {
  const all = templates.flatMap(({ content, path }) => [
    content.sources,
    ...(path === undefined ? [] : [path.sources]),
  ]);
  return all.find(({ texts }) => file !== undefined && texts.has(file)) ?? all[0];
}
