import fc from "fast-check";
import { expect, test } from "vitest";
import { type AnswerValue, queryText } from "../../../src/catalog/query.ts";
import { createSnapshot, type Snapshot } from "../../../src/catalog/snapshot.ts";
import { parseConfig } from "../../../src/config/load-config.ts";
import type { ProxyConfig } from "../../../src/config/proxy-schema.ts";
import { compileTemplate, loadTemplate } from "../../../src/template/compile/load-template.ts";
import type { FileTemplate } from "../../../src/template/compile/proxy-templates.ts";
import { createFragmentMemory } from "../../../src/template/render/fragments.ts";
import { renderProxy } from "../../../src/template/render/render-proxy.ts";

/*
 * Rendering again from what the render before left gives, byte for byte, what rendering anew gives.
 */

/** What one service may be at one moment. */
interface State {
  readonly tags: readonly string[];
  readonly title: string;
  readonly isWell: boolean;
  readonly instances: number;
}

type Catalog = Readonly<Record<string, State>>;

const state: fc.Arbitrary<State> = fc.record({
  tags: fc.subarray(["route.path=/a", "route.path=/", "route.host=h.example.com", "v2"]),
  title: fc.constantFrom("x", "y", "web", "a"),
  isWell: fc.boolean(),
  instances: fc.integer({ min: 0, max: 3 }),
});
const name = fc.constantFrom("a", "b", "web", "x", "a.b", "a-b");

interface Change {
  readonly services: Catalog;
  readonly gone: readonly string[];
  readonly key: string;
  readonly leftOut: readonly string[];
}

const change: fc.Arbitrary<Change> = fc.record({
  services: fc.dictionary(name, state, { maxKeys: 2 }),
  gone: fc.array(name, { maxLength: 1 }),
  key: fc.constantFrom("1", "2"),
  leftOut: fc.array(name, { maxLength: 1 }),
});

const PARTIALS = new Map([
  [
    "line",
    '{{default name "?"}}={{default title "-"}} {{@index}}/{{default ../name "-"}} {{@root.values.domain}};',
  ],
  ["all", "{{#each list}}{{> line title=../title}}{{/each}}"],
  ["tree", "{{name}}{{#each instances}}{{> tree}}{{/each}}"],
]);

const TEMPLATES: readonly string[] = [
  "{{#each (services)}}{{name}}:{{#each (service this)}}{{../name}} {{@../index}} {{@index}} {{address}}:{{port}} {{meta.title}}{{else}}none{{/each}}\n{{/each}}",
  '{{#each (services) as |s i|}}{{i}} {{s.name}} {{#each (service s health="any") as |it|}}{{s.name}}{{it.id}}{{#if (eq it.meta.title s.name)}}same{{else if @first}}first{{/if}}{{#unless @last}},{{/unless}}{{/each}}{{/each}}',
  '{{#each (routes)}}{{name}} {{path}}{{#if servers}}{{#each servers}} {{../name}}_{{@index}} {{hostPort address port}}{{#if ../../values.on}}!{{/if}}{{/each}}{{else}} 503 {{keyOr "k" "0"}}{{/if}}\n{{/each}}',
  '{{#each (virtualHosts (routes)) as |vhost|}}[{{default vhost.host "_"}}{{#if vhost.hasRoot}}/{{/if}} {{#each vhost.routes}}{{default vhost.host "_"}}{{name}} {{length servers}};{{/each}}]{{/each}}',
  '{{#each (services)}}{{> line title=@index}}{{#with (lookup (service this) 0)}}{{id}} {{../name}} {{#if node}}{{default ../../proxy.name "-"}}{{/if}}{{/with}}{{/each}}',
  '{{#each (services)}}{{#with this}}{{#if name}}{{default ../name "-"}}{{/if}}{{#each tags}}{{this}}{{default ../name "-"}}{{#each ../tags}}{{this}}{{default ../name "-"}}{{default ../../name "-"}}{{default ../../../name "-"}}{{/each}}{{/each}}{{/with}}{{/each}}',
  '{{#each (services)}}{{#each tags}}{{#each (split this "")}}{{this}}{{json ../this}}{{default (lookup ../.. "name") "-"}}{{default ../../name "-"}}{{/each}}{{/each}}{{/each}}',
  "{{#each (services)}}{{> all list=(service this) title=@index}}{{/each}}",
  '{{#each (services)}}{{#each (routes)}}{{#if (eq service ../name)}}{{@key}}{{path}}{{@../last}}{{/if}}{{/each}}{{/each}}{{key "k"}}',
  '{{#*inline "own"}}{{#each (services)}}{{name}}{{@root.values.domain}}{{/each}}{{/inline}}{{> own}}{{#each (services)}}{{> own}}{{/each}}',
  '{{#each (ls "tree")}}{{key}}={{value}}{{#each (services)}}{{../key}}{{name}}{{/each}}{{/each}}{{generation}}',
  '{{#each (service "web")}}{{#each (service "a")}}{{id}}{{../id}}{{@../index}}{{/each}}{{/each}}',
  "{{#each (services)}}{{#each (service this)}}{{#each @root.values.list}}{{this}}{{../id}}{{../../name}}{{/each}}{{/each}}{{/each}}",
];

test.each(TEMPLATES.map((it, i) => [i, it] as const))("%i: %s", async (_, source) => {
  const text = compiled(source, { path: "/out" });
  const each = compiled(`{{name}} {{item.name}} ${source}`, {
    path: "/out/{{name}}",
    each: "services",
  });
  await compare([text, each], 30);
});

test("the built-in templates", async () => {
  for (const [format, file] of [
    ["nginx", "builtin:nginx/service-proxy.conf"],
    ["vcl", "builtin:varnish/service-proxy.vcl"],
  ] as const) {
    const content = await loadTemplate(file, { format });
    const entry = { template: file, path: "/out", mode: "0644" };
    const hasParts = format === "vcl";
    await compare([{ entry, format, content, path: undefined, hasParts }], 30);
  }
});

test("a template that writes as it is keeps being compared with its shape", async () => {
  const raw = '{{#each (services)}}location /{{name}} { root "{{{name}}}"; }\n{{/each}}';
  await compare([compiled(raw, { path: "/out", format: "nginx" })], 30);
});

async function compare(templates: readonly FileTemplate[], numRuns: number): Promise<void> {
  let rendered = 0;
  let looks = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const memory = createFragmentMemory(1);
      let answers = new Map<string, AnswerValue>([["services", []]]);
      for (const [i, it] of changes.entries()) {
        answers = changed(answers, it);
        const snapshot = createSnapshot(answers, i);
        const options = { ...parts, leftOut: new Set(it.leftOut) };
        const again = outcome(templates, snapshot, { ...options, memory });
        expect(again).toEqual(outcome(templates, snapshot, options));
        looks += 1;
        if ((again as { readonly kind?: string }).kind === "rendered") rendered += 1;
      }
    }),
    { numRuns, seed: 7 },
  );
  expect(rendered).toBeGreaterThan(looks / 2);
}

/** Rendered files, questions and problems; or what is missing; or why not. */
function outcome(
  templates: readonly FileTemplate[],
  snapshot: Snapshot,
  options: Parameters<typeof renderProxy>[2],
): unknown {
  try {
    const rendered = renderProxy(templates, snapshot, options);
    return { ...rendered, asked: new Set(rendered.asked.keys()) };
  } catch (error) {
    return error;
  }
}

/** What does not change stays the same object, as in the store of answers. */
function changed(
  answers: ReadonlyMap<string, AnswerValue>,
  { services, gone, key }: Change,
): Map<string, AnswerValue> {
  const result = new Map(answers);
  for (const it of gone) result.delete(queryText({ kind: "service", name: it }));
  for (const [it, now] of Object.entries(services)) {
    result.set(queryText({ kind: "service", name: it }), instancesOf(it, now));
  }
  const names = ["a", "b", "web", "x", "a.b", "a-b"].filter((it) =>
    result.has(queryText({ kind: "service", name: it })),
  );
  const before = new Map(
    (answers.get("services") as readonly { name: string }[]).map((it) => [it.name, it]),
  );
  result.set("services", names.map((it) => before.get(it) ?? { name: it, tags: ["x", it] }) as []);
  for (const it of ["web", "a"]) {
    const text = queryText({ kind: "service", name: it });
    if (!result.has(text)) result.set(text, []);
  }
  result.set(queryText({ kind: "key", key: "k" }), { key: "k", value: key });
  const tree = queryText({ kind: "tree", prefix: "tree/" });
  if (!result.has(tree)) {
    result.set(tree, [
      { key: "tree/a", value: "1" },
      { key: "tree/b", value: "2" },
    ]);
  }
  return result;
}

function instancesOf(service: string, { tags, title, isWell, instances }: State): AnswerValue {
  return Array.from({ length: instances }, (_, i) => ({
    id: `${service}-${i}`,
    name: service,
    address: `10.0.0.${i + 1}`,
    port: 80,
    tags,
    meta: { title },
    weights: { passing: 1, warning: 1 },
    status: isWell || i > 0 ? "passing" : "critical",
    node: "n1",
    nodeAddress: "10.0.0.9",
    nodeMeta: {},
    datacenter: "dc1",
    createIndex: 10 + i,
  }));
}

function compiled(
  source: string,
  {
    path,
    each,
    format = "text",
  }: {
    readonly path: string;
    readonly each?: "services";
    readonly format?: "text" | "nginx";
  },
): FileTemplate {
  const entry = { template: "t.hbs", path, mode: "0644", ...(each === undefined ? {} : { each }) };
  return {
    entry,
    format,
    content: compileTemplate(source, { file: "t.hbs", format, partials: PARTIALS }),
    path: each === undefined ? undefined : compileTemplate(path, { file: "path", format: "path" }),
  };
}

const config = parseConfig(
  "proxies: [{ name: edge, kind: nginx, files: [{ template: a, path: b }] }]\nvalues: { domain: example.com, list: [p, q] }",
  { file: "fairlead.yaml", environment: {} },
);
const parts = { proxy: config.proxies[0] as ProxyConfig, values: config.values };
