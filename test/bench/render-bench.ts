import { readFile } from "node:fs/promises";
import Handlebars from "handlebars";
import type { Instance } from "../../src/catalog/instance.ts";
import { type AnswerValue, queryText } from "../../src/catalog/query.ts";
import { createSnapshot } from "../../src/catalog/snapshot.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { ProxyConfig } from "../../src/config/proxy-schema.ts";
import { loadTemplate, templatePath } from "../../src/template/compile/load-template.ts";
import type { FileTemplate } from "../../src/template/compile/proxy-templates.ts";
import { DEFINITIONS } from "../../src/template/helpers/all-helpers.ts";
import { bindHelper, unboundHelper } from "../../src/template/helpers/bind-helper.ts";
import { createFragmentMemory } from "../../src/template/render/fragments.ts";
import { createRenderContext } from "../../src/template/render/render-context.ts";
import { renderProxy } from "../../src/template/render/render-proxy.ts";
import { routes } from "../../src/template/render/render-routes.ts";
import { median } from "./median.ts";

/*
 * How long one render of 1,000 services × 10 takes: complete, with and without escaping, beside the same template in
 * bare Handlebars without escaping; and after one service changed.
 */

const SERVICES = 1_000;
const INSTANCES = 10;
const WARM_UP = 15;
const ROUNDS = 40;

type Answers = ReadonlyMap<string, AnswerValue>;

/** Rows of the table: what, measured, to reach. */
export async function benchRender(): Promise<readonly string[][]> {
  const rows: string[][] = [];
  for (const kind of ["nginx", "varnish"] as const) rows.push(...(await benchTemplate(kind)));
  return rows;
}

async function benchTemplate(kind: "nginx" | "varnish"): Promise<readonly string[][]> {
  const name =
    kind === "nginx" ? "builtin:nginx/service-proxy.conf" : "builtin:varnish/service-proxy.vcl";
  const { proxy, values } = configFor(kind);
  const format = kind === "nginx" ? "nginx" : "vcl";
  const escaping = [await templateOf(name, format)];
  const plain = [await templateOf(name, "text")];
  const source = await readFile(templatePath(name), "utf8");
  const bare = Handlebars.create().compile(source, { noEscape: true });
  // Bare Handlebars would take a helper where the item has a field of that name.
  const called = [...DEFINITIONS.keys()].filter((it) => isCalled(it, source));
  const memory = createFragmentMemory();
  const times: Record<string, number[]> = { escaping: [], plain: [], bare: [], changed: [] };
  let answers = catalog();
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const time = <T>(what: keyof typeof times, work: () => T): T => {
      const begin = performance.now();
      const result = work();
      if (round >= WARM_UP) times[what]?.push(performance.now() - begin);
      return result;
    };
    answers = withOneChanged(answers, round);
    const snapshot = createSnapshot(answers, round);
    const changed = time("changed", () =>
      renderProxy(escaping, snapshot, { proxy, values, memory }),
    );
    const whole = time("escaping", () => renderProxy(escaping, snapshot, { proxy, values }));
    if (textOf(changed) !== textOf(whole)) throw new Error("a part was not rendered again");
    time("plain", () => renderProxy(plain, snapshot, { proxy, values }));
    time("bare", () => {
      const context = createRenderContext(snapshot);
      const helpers = called.map((it) => [it, bindHelper(it, context) ?? unboundHelper(it)]);
      const part = { kind: "whole", routes: routes(context) };
      return bare({ values, proxy, part }, { helpers: Object.fromEntries(helpers) });
    });
  }
  const [a = 0, b = 0, c = 0, d = 0] = ["escaping", "plain", "bare", "changed"].map((it) =>
    median(times[it] ?? []),
  );
  const what = `${kind}, ${SERVICES} × ${INSTANCES}`;
  return [
    [`${what}: whole render`, ms(a), kind === "nginx" ? "< 60 ms" : ""],
    [`${what}: the same without escaping`, `${ms(b)}: ${(a / b).toFixed(2)} ×`, "≤ 1.5 ×"],
    [`${what}: bare Handlebars, without escaping`, `${ms(c)}: ${(a / c).toFixed(2)} ×`, "≤ 1.5 ×"],
    [
      `${what}: after one service changed`,
      `${ms(d)}: ${(d / a).toFixed(2)} ×`,
      kind === "nginx" ? "≤ 15 ms" : "",
    ],
  ];
}

const isCalled = (helper: string, source: string): boolean =>
  helper === "generation" || new RegExp(`(\\{\\{|\\()${helper}[ )]`).test(source);

const ms = (value: number): string => `${value.toFixed(1)} ms`;

async function templateOf(name: string, format: "nginx" | "vcl" | "text"): Promise<FileTemplate> {
  const entry = { template: name, path: "/out", mode: "0644" };
  const content = await loadTemplate(name, { format });
  return { entry, format, content, path: undefined, hasParts: name.startsWith("builtin:varnish") };
}

function configFor(kind: "nginx" | "varnish"): {
  readonly proxy: ProxyConfig;
  readonly values: Readonly<Record<string, unknown>>;
} {
  const more = kind === "nginx" ? "" : ", admin: { address: '127.0.0.1:1' }";
  const text = `proxies: [{ name: p, kind: ${kind}, files: [{ template: a, path: b }]${more} }]`;
  const { proxies, values } = parseConfig(text, { file: "fairlead.yaml", environment: {} });
  return { proxy: proxies[0] as ProxyConfig, values };
}

const textOf = (rendered: ReturnType<typeof renderProxy>): string =>
  rendered.kind === "rendered" ? rendered.outputs.map(({ text }) => text).join("\n") : "";

function catalog(): Answers {
  const names = Array.from({ length: SERVICES }, (_, i) => `service-${i}`);
  return new Map<string, AnswerValue>([
    ["services", names.map((name) => ({ name, tags: [] }))],
    ...names.map(
      (name, i) => [queryText({ kind: "service", name }), instancesOf(name, i)] as const,
    ),
  ]);
}

function instancesOf(name: string, service: number): readonly Instance[] {
  return Array.from({ length: INSTANCES }, (_, i) => ({
    id: `${name}-${i}`,
    name,
    address: `10.${service >> 8}.${service & 255}.${i + 1}`,
    port: 8_000 + i,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    status: "passing",
    node: `n${i}`,
    nodeAddress: "10.0.0.1",
    nodeMeta: {},
    datacenter: "dc1",
    createIndex: service * INSTANCES + i,
  }));
}

/** The first instance of one service flips between healthy and unhealthy. */
function withOneChanged(answers: Answers, round: number): Answers {
  const service = (round >> 1) % SERVICES;
  const name = `service-${service}`;
  const status = round % 2 === 0 ? "critical" : "passing";
  const instances = instancesOf(name, service).map((it, i) => (i === 0 ? { ...it, status } : it));
  return new Map([...answers, [queryText({ kind: "service", name }), instances as AnswerValue]]);
}
