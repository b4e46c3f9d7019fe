import type { Instance } from "../../catalog/instance.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import { AppError } from "../../errors.ts";
import type { FileTemplate } from "../compile/proxy-templates.ts";
import { createRenderContext } from "../render/render-context.ts";
import { type Draft, type RenderProxyOptions, renderFiles } from "../render/render-files.ts";
import { RepeatedPathError, ShapeError } from "../render/render-proxy.ts";
import { excerpt, faultText, type TemplateSources } from "../template-error.ts";
import { findLineOrigin } from "./find-line-origin.ts";
import { createTrace, type Subject, type Trace, type TracedFault, withoutMarks } from "./trace.ts";

/** A fault that is one service's: what is wrong with its data. */
export interface ServiceFault extends Subject {
  /** With the template's line. */
  readonly reason: string;
  readonly hint: string;
  /** The entry at fault, such as `tag "x"` or `meta title`, where it was found. */
  readonly field?: string;
}

/** Where a line of a rendered file comes from. */
export interface LineOrigin {
  /** The rendered line, then the template's line with a caret. */
  readonly excerpt: string;
  /** Whose data is on it; absent when it is the template's alone. */
  readonly subject?: Subject & { readonly field?: string };
  /** The template's place, which tells two lines apart. */
  readonly place: string;
}

/** What is rendered again to find out. */
export interface BlameOptions extends RenderProxyOptions {
  readonly templates: readonly FileTemplate[];
  readonly snapshot: Snapshot;
}

/**
 * Finds whose data made a render fail, by rendering again with notes of where everything comes from.
 *
 * A fault is a service's when its value has no safe form, or when other services pass the same
 * place; else the template's, as it is when all services meet it.
 *
 * @returns the services' faults, at least one, or `undefined` when the fault is the template's
 */
export function blameRender(
  error: AppError,
  options: BlameOptions,
): readonly ServiceFault[] | undefined {
  const traced = traceRender(options);
  if (traced === undefined) return undefined;
  const { trace, drafts } = traced;
  const faults = trace.faults.map((it) => toServiceFault(it, traced, options.snapshot));
  const isTemplates = trace.faults.some((it) => !isServices(it, trace));
  if (isTemplates) return undefined;
  if (error instanceof RepeatedPathError) return blameClaims(error, traced, options.snapshot);
  if (faults.length > 0 || !(error instanceof ShapeError)) {
    return faults.length > 0 ? faults : undefined;
  }
  const origin = lineOrigin(drafts, trace, error.at, options.snapshot);
  if (origin?.subject === undefined) return undefined;
  return [{ ...origin.subject, reason: error.message, hint: error.hint }];
}

/**
 * Finds where a line of a rendered file comes from.
 *
 * @returns `undefined` when the path is none of the outputs', or the line none of its lines
 */
export function blameLine(
  at: { readonly path: string; readonly line: number },
  options: BlameOptions,
): LineOrigin | undefined {
  const traced = traceRender(options);
  if (traced === undefined) return undefined;
  return lineOrigin(traced.drafts, traced.trace, at, options.snapshot);
}

/** The service that an output of an entry with `each` is of; `undefined` when it is of none. */
export function blameOutput(path: string, options: BlameOptions): Subject | undefined {
  const traced = traceRender(options);
  const item = traced?.drafts.find((it) => it.path === path)?.item;
  return item === undefined ? undefined : traced?.trace.subjectOf(item);
}

/** Of the services that claim one output the oldest keeps it, unless the config itself names it. */
function blameClaims(
  { path, message, hint }: RepeatedPathError,
  { trace, drafts }: Traced,
  snapshot: Snapshot,
): readonly ServiceFault[] | undefined {
  const claims = drafts.filter((it) => it.path === path);
  const subjects = claims.flatMap(({ item }) => (item && trace.subjectOf(item)) ?? []);
  const byAge = subjects.toSorted((a, b) => ageOf(a, snapshot) - ageOf(b, snapshot));
  const isNamed = subjects.length < claims.length;
  const out = isNamed ? byAge : byAge.slice(1).filter((it) => it.service !== byAge[0]?.service);
  return out.length === 0 ? undefined : out.map((it) => ({ ...it, reason: message, hint }));
}

/** The lowest index that an instance of the service was created at; the highest number when the service was not queried. */
function ageOf({ service }: Subject, snapshot: Snapshot): number {
  const instances = snapshot.get({ kind: "service", name: service }) ?? [];
  return Math.min(Number.MAX_SAFE_INTEGER, ...instances.map(({ createIndex }) => createIndex));
}

interface Traced {
  readonly trace: Trace;
  readonly drafts: readonly Draft[];
}

/** `undefined` when the render fails by no service's data. */
function traceRender(options: BlameOptions): Traced | undefined {
  const trace = createTrace();
  const { environment = {}, leftOut = new Set(), asked } = options;
  const context = createRenderContext(options.snapshot, { environment, leftOut, trace, asked });
  try {
    const drafts = renderFiles(options.templates, context, options);
    return context.missing.size > 0 ? undefined : { trace, drafts };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return undefined;
  }
}

function isServices({ fault, at, subject }: TracedFault, trace: Trace): boolean {
  if (fault.value !== undefined) return true;
  return [...(trace.passed.get(at) ?? [])].some((it) => it !== subject.service);
}

function toServiceFault(
  { fault, subject }: TracedFault,
  { drafts }: Traced,
  snapshot: Snapshot,
): ServiceFault {
  const sources = sourcesOf(drafts, fault.place?.file);
  const field = fieldWith(fault.value ?? "", subject, snapshot);
  return {
    ...subject,
    reason: sources === undefined ? fault.message : faultText(fault, sources),
    hint: fault.hint,
    ...(field === undefined ? {} : { field }),
  };
}

function lineOrigin(
  drafts: readonly Draft[],
  trace: Trace,
  { path, line }: { readonly path: string; readonly line: number },
  snapshot: Snapshot,
): LineOrigin | undefined {
  const draft = drafts.find((it) => it.path === path);
  const origin = draft === undefined ? undefined : findLineOrigin(draft.text, line, trace.origins);
  if (draft === undefined || origin === undefined) return undefined;
  const written = withoutMarks(draft.text).split("\n")[line - 1] ?? "";
  const { place, subject } = origin;
  const file = place.file ?? draft.template.content.sources.file;
  const source = draft.template.content.sources.texts.get(file) ?? "";
  const from = `${file}:${place.line}:${place.column}`;
  const field = subject === undefined ? undefined : fieldWith(written, subject, snapshot);
  return {
    excerpt: `${line} | ${written}\nfrom ${from}\n${excerpt(source, place)}`,
    place: from,
    ...(subject === undefined
      ? {}
      : { subject: { ...subject, ...(field === undefined ? {} : { field }) } }),
  };
}

function sourcesOf(
  drafts: readonly Draft[],
  file: string | undefined,
): TemplateSources | undefined {
  const all = drafts.map(({ template }) => template.content.sources);
  return all.find(({ texts }) => file !== undefined && texts.has(file)) ?? all[0];
}

/** The entry of an instance that is in a text, or that a value is in: the longest one says most. */
function fieldWith(text: string, subject: Subject, snapshot: Snapshot): string | undefined {
  const instances = snapshot.get({ kind: "service", name: subject.service }) ?? [];
  const all = instances
    .filter(
      ({ id, node }) =>
        subject.instance === undefined || (id === subject.instance && node === subject.node),
    )
    .flatMap(fieldsOf)
    .filter(
      ({ value }) =>
        value.length > 2 && (text.includes(value) || (text.length > 2 && value.includes(text))),
    );
  const [longest] = all.toSorted((a, b) => b.value.length - a.value.length);
  return longest?.name;
}

function fieldsOf({
  tags,
  meta,
  address,
  id,
}: Instance): readonly { name: string; value: string }[] {
  return [
    ...tags.map((value) => ({ name: `tag ${JSON.stringify(value)}`, value })),
    ...Object.entries(meta).map(([key, value]) => ({
      name: `meta ${key}=${JSON.stringify(value)}`,
      value,
    })),
    { name: `address ${JSON.stringify(address)}`, value: address },
    { name: `id ${JSON.stringify(id)}`, value: id },
  ];
}
