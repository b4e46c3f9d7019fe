import { type Part, partText } from "../../catalog/part.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { AppError } from "../../errors.ts";
import type { FileTemplate } from "../compile/proxy-templates.ts";
import { RepeatedPathError, ShapeError } from "../render/render-proxy.ts";
import { faultText, type TemplateSources } from "../template-error.ts";
import { lineOrigin } from "./blame-line.ts";
import type { BlamedPart } from "./blamed-part.ts";
import { blamed } from "./blamed-part.ts";
import type { DataSource } from "./sources.ts";
import type { Trace, TracedFault } from "./trace.ts";
import type { BlameOptions, Traced } from "./trace-render.ts";
import { traceRender } from "./trace-render.ts";

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
  const isOldest = (it: DataSource): boolean =>
    oldest !== undefined && partText(it.part) === partText(oldest.part);
  const out = isNamed ? byAge : byAge.filter((it) => !isOldest(it));
  return out.map((it) => ({ parts: [blamed(it, [])], reason: message, hint }));
}

/** The lowest index that an instance of the service was created at; the highest number for what has none. */
function ageOf({ part }: DataSource, snapshot: Snapshot): number {
  if (part.kind !== "service") return Number.MAX_SAFE_INTEGER;
  const instances = snapshot.get({ kind: "service", name: part.service }) ?? [];
  return Math.min(Number.MAX_SAFE_INTEGER, ...instances.map(({ createIndex }) => createIndex));
}

/** The parts of which one is at fault; none when the template is. */
function sourcesAtFault({ fault, at, moment }: TracedFault, trace: Trace): readonly DataSource[] {
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
  sources: readonly DataSource[],
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
