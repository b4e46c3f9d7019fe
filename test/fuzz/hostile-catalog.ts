import { renderUsable } from "../../src/apply/quarantine/render-usable.ts";
import type { Snapshot } from "../../src/catalog/snapshot.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { ProxyConfig } from "../../src/config/proxy-schema.ts";
import { parseCatalog } from "../../src/source/file/catalog-file.ts";
import { answerFrom } from "../../src/source/file/file-source.ts";
import { compileTemplate } from "../../src/template/compile/load-template.ts";

/** What Consul lets a client set, and how a template reads it within `{{#each (service this)}}`. */
const FIELDS: Readonly<Record<string, string>> = {
  name: "name",
  id: "id",
  tag: "tags.[0]",
  meta: "meta.value",
  address: "address",
  node: "node",
  key: 'keyOr meta.key ""',
};
const FIELD_NAMES = Object.keys(FIELDS);

/** A template in which each service's value stands in the place that its meta asks for. */
export interface PlaceTemplate {
  readonly format: "nginx" | "vcl";
  /** Text around the values. */
  readonly before: string;
  readonly after: string;
  /** By name of the place: text in which VALUE stands for the value, and N for a number of its own. */
  readonly places: Readonly<Record<string, string>>;
}

/** One value in its place. */
export interface Case {
  readonly value: string;
  readonly field: string;
  readonly place: string;
  readonly number: number;
  /** The service's name, where it is not told by the rest. */
  readonly name?: string;
}

/** A rendered batch: its text and the cases whose values were let through. */
export interface Batch {
  readonly text: string;
  readonly kept: readonly Case[];
  readonly refused: number;
}

/** Spreads values over fields and places, so that each pair is met. */
export function toCases(values: readonly string[], { places }: PlaceTemplate): readonly Case[] {
  const names = Object.keys(places);
  return [...new Set(values)].map((value, i) => ({
    value,
    field: FIELD_NAMES[i % FIELD_NAMES.length] ?? "",
    place: names[Math.floor(i / FIELD_NAMES.length) % names.length] ?? "",
    number: i,
  }));
}

/** Renders cases as services of a catalog, as Fairlead would: what has no safe form is left out. */
export async function renderCases(cases: readonly Case[], template: PlaceTemplate): Promise<Batch> {
  const services = Object.fromEntries(cases.map((it) => [nameOf(it), [toInstance(it)]]));
  const keys = Object.fromEntries(
    cases.filter(({ field }) => field === "key").map(({ number, value }) => [`k/${number}`, value]),
  );
  const data = parseCatalog(asciiJson({ services, keys }), "catalog.json");
  const snapshot = {
    version: 1,
    get: (query: Parameters<Snapshot["get"]>[0]) => answerFrom(data, query),
  } as Snapshot;
  const content = compileTemplate(textOf(template), { file: "t.hbs", format: template.format });
  const entry = { template: "t.hbs", path: "/out/file", mode: "0644" };
  const { rendered, faults } = await renderUsable({
    templates: [{ entry, format: template.format, content, path: undefined }],
    snapshot,
    proxy: proxy(),
    values: {},
  });
  if (rendered.kind === "waiting") throw new Error("the catalog has all answers");
  const out = new Set(faults.map(({ part }) => ("service" in part ? part.service : "")));
  return {
    text: rendered.outputs[0]?.text ?? "",
    kept: cases.filter((it) => !out.has(nameOf(it))),
    refused: out.size,
  };
}

function textOf({ before, after, places }: PlaceTemplate): string {
  const branches = Object.entries(places).flatMap(([place, text]) =>
    Object.entries(FIELDS).map(([field, expression]) => {
      const body = text.replaceAll("VALUE", `{{${expression}}}`).replaceAll("N", "{{meta.number}}");
      return `{{#if (eq meta.at "${place} ${field}")}}\n${body}\n{{/if}}`;
    }),
  );
  return `${before}{{#each (services)}}{{#each (service this)}}\n${branches.join("\n")}\n{{/each}}{{/each}}\n${after}`;
}

const nameOf = ({ field, value, number, name }: Case): string =>
  name ?? (field === "name" ? value : `service-${number}`);

/** The same cases, in the same order of services, with values that can do nothing. */
export function harmless(cases: readonly Case[]): readonly Case[] {
  const names = cases.map(nameOf).toSorted((a, b) => (a < b ? -1 : 1));
  return cases.map((it) => {
    const name = `x${String(names.indexOf(nameOf(it))).padStart(6, "0")}`;
    return { ...it, value: name, name };
  });
}

/** JSON that YAML reads the same: its own line breaks are more than those of JSON. */
const asciiJson = (data: unknown): string =>
  JSON.stringify(data).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

function toInstance({ value, field, place, number }: Case): object {
  return {
    id: field === "id" ? value : `id-${number}`,
    address: field === "address" ? value : "10.0.0.1",
    port: 80,
    node: field === "node" ? value : "n1",
    tags: field === "tag" ? [value] : [],
    meta: {
      at: `${place} ${field}`,
      number: String(number),
      key: `k/${number}`,
      ...(field === "meta" ? { value } : {}),
    },
  };
}

function proxy(): ProxyConfig {
  const config = parseConfig(
    "proxies: [{ name: edge, kind: nginx, files: [{ template: a, path: b }] }]",
    {
      file: "fairlead.yaml",
      environment: {},
    },
  );
  return config.proxies[0] as ProxyConfig;
}
