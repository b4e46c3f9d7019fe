import { createHash } from "node:crypto";
import { extname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { VarnishConfig } from "../../config/proxy-schema.ts";
import type { Route } from "../../route/route.ts";
import type { FileTemplate } from "../compile/proxy-templates.ts";
import { GENERATION_MARK } from "../helpers/routes.ts";
import { withoutMarks } from "../provenance/marks.ts";
import type { RenderContext } from "./render-context.ts";
import { routes } from "./render-routes.ts";

/** Into how many groups, or when. */
export type GroupsSetting = VarnishConfig["groups"];

/** What a template with parts sees of the part that it renders, as `part`. */
interface Part {
  /**
   * `whole`: everything in one file. Else `top` tells which group a request belongs to, a `group` has some of the
   * routes, `generation` answers the generation's id, and `boot` serves nothing: it is in use until the others are loaded.
   */
  readonly kind: "whole" | "boot" | "top" | "group" | "generation";
  /** The routes that it is about. */
  readonly routes: readonly Route[];
  /** For `top`: labels by the name of the route that they lead to. */
  readonly labels: Readonly<Record<string, string>>;
  /** For `top`: the label of the part that answers the generation's id. */
  readonly generationLabel: string;
}

type Asked = Pick<Part, "kind" | "routes"> & Partial<Part>;

/** One file of a template with parts. */
export interface OutputPart {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly format: FileTemplate["format"];
}

interface PartsOptions {
  readonly context: RenderContext;
  readonly root: object;
  readonly groups: GroupsSetting;
}

/** A part with a name of its own among what the proxy has loaded. */
interface Named {
  readonly piece: OutputPart;
  readonly name: string;
}

const AUTO_GROUPS = 32;
/** From this many routes on a change is live sooner with groups, whatever the compiler (measured). */
const AUTO_FROM_ROUTES = 100;
const GENERATION_LABEL = "fairlead_to_generation";

/**
 * Renders a template with parts: as a whole, or as groups of routes, each in a file of its own, with a file that
 * leads to them and a script that loads them all in order.
 *
 * Names tell contents: what has the same name has the same text, and need not be loaded again. A group's label
 * changes with the paths and hosts of its routes and with nothing else: whoever leads to a label leads to what
 * it expects, before a change and after it.
 */
export function renderParts(template: FileTemplate, options: PartsOptions): readonly OutputPart[] {
  const all = routes(options.context);
  const count = groupCount(options.groups, all.length);
  const { path } = template.entry;
  if (count === undefined) {
    return [render(template, { kind: "whole", routes: all }, path, options)];
  }
  const groups = [...groupBy(all, count)].map(([number, members]) => {
    const key = `g${String(number).padStart(2, "0")}`;
    const label = `fairlead_to_${key}_${hash(members.map(({ name, host, path: at }) => [name, host, at])).slice(0, 8)}`;
    const part = { kind: "group" as const, routes: members };
    return { ...named(template, part, key, options), label, members };
  });
  const labels = asBefore(
    template,
    Object.fromEntries(
      groups.flatMap(({ label, members }) => members.map(({ name }) => [name, label] as const)),
    ),
  );
  const generation = {
    ...named(template, { kind: "generation", routes: [] }, "generation", options),
    label: GENERATION_LABEL,
  };
  const top = named(template, { kind: "top", routes: all, labels }, "top", options);
  const boot = render(template, { kind: "boot", routes: [] }, path, options);
  const labelled = [...groups, generation];
  const script: OutputPart = {
    ...boot,
    path: besides(path, "cli"),
    format: "text",
    text: bootScript(labelled, top),
  };
  return [boot, ...labelled.map(({ piece }) => piece), top.piece, script];
}

const NO_LABELS: Part["labels"] = {};

/** What did not change stays the same object: what was made with it can be used again. */
const labelsBefore = new WeakMap<FileTemplate, Part["labels"]>();

function asBefore(template: FileTemplate, labels: Part["labels"]): Part["labels"] {
  const before = labelsBefore.get(template);
  if (before !== undefined && isDeepStrictEqual(before, labels)) return before;
  labelsBefore.set(template, labels);
  return labels;
}

function groupCount(setting: GroupsSetting, routeCount: number): number | undefined {
  if (setting === "off") return undefined;
  if (setting !== "auto") return setting;
  return routeCount < AUTO_FROM_ROUTES ? undefined : AUTO_GROUPS;
}

/** By service, so that a service's routes stay together and none moves because others come or go. */
function groupBy(all: readonly Route[], count: number): ReadonlyMap<number, readonly Route[]> {
  const groups = new Map<number, Route[]>();
  for (const route of all) {
    const number = checksum(route.service) % count;
    const members = groups.get(number);
    if (members === undefined) groups.set(number, [route]);
    else members.push(route);
  }
  return new Map([...groups].toSorted(([a], [b]) => a - b));
}

function named(template: FileTemplate, part: Asked, key: string, options: PartsOptions): Named {
  const piece = render(
    template,
    part,
    besides(template.entry.path, `${key}${extname(template.entry.path)}`),
    options,
  );
  // The id of the generation stands for content that is not known yet.
  const isOfGeneration = piece.text.includes(GENERATION_MARK);
  const version = isOfGeneration ? GENERATION_MARK : hash(withoutMarks(piece.text)).slice(0, 12);
  return { piece, name: `fairlead_${key}_${version}` };
}

function render(
  template: FileTemplate,
  part: Asked,
  path: string,
  { context, root }: PartsOptions,
): OutputPart {
  const { format, content } = template;
  const whole: Part = { labels: NO_LABELS, generationLabel: GENERATION_LABEL, ...part };
  const text = content.render(context, { ...root, part: whole });
  return { path, text, format };
}

/** `services.vcl` becomes `services.top.vcl`. */
const besides = (path: string, ending: string): string =>
  `${path.slice(0, path.length - extname(path).length)}.${ending}`;

/** What `varnishd -I` reads. Source: Varnish documentation, varnishd(1), "CLI Command File". */
function bootScript(labelled: readonly (Named & { readonly label: string })[], top: Named): string {
  const load = ({ name, piece }: Named) => `vcl.load ${name} ${cliWord(piece.path)}\n`;
  const groups = labelled.map((it) => `${load(it)}vcl.label ${it.label} ${it.name}\n`);
  return `${groups.join("")}${load(top)}vcl.use ${top.name}\n`;
}

const cliWord = (word: string): string =>
  /[\s"\\]/.test(word) ? `"${word.replace(/["\\]/g, "\\$&")}"` : word;

const hash = (content: unknown): string =>
  createHash("sha256").update(JSON.stringify(content)).digest("hex");

/** FNV-1a, 32 bits. Source: RFC 9923. */
function checksum(text: string): number {
  let sum = 0x811c9dc5;
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return sum;
}
