import { describe, expect, test } from "vitest";
import { judgeRender } from "../../../src/apply/quarantine/judge-candidate.ts";
import type { CatalogNode, Instance, KeyValue } from "../../../src/catalog/instance.ts";
import { partName, partText } from "../../../src/catalog/part.ts";
import { type AnswerValue, type Query, queryText } from "../../../src/catalog/query.ts";
import { parseConfig } from "../../../src/config/load-config.ts";
import type { ProxyConfig } from "../../../src/config/proxy-schema.ts";
import { compileTemplate } from "../../../src/template/compile/load-template.ts";
import type { FileTemplate } from "../../../src/template/compile/proxy-templates.ts";
import { blameLine } from "../../../src/template/provenance/blame-line.ts";
import { createLineFinder } from "../../../src/template/provenance/line-finder.ts";
import type { BlameOptions } from "../../../src/template/provenance/trace-render.ts";

type Answers = readonly (readonly [Query, AnswerValue])[];

const BAD = "one;two";

const instance = (id: string, more: Partial<Instance> = {}): Instance => ({
  id,
  name: "web",
  address: "10.0.0.1",
  port: 80,
  tags: [],
  meta: {},
  weights: { passing: 1, warning: 1 },
  status: "passing",
  node: "n1",
  nodeAddress: "10.0.0.1",
  nodeMeta: {},
  datacenter: "dc1",
  createIndex: 1,
  ...more,
});

const withMeta = (id: string, x?: string, more: Partial<Instance> = {}): Instance =>
  instance(id, { ...more, meta: x === undefined ? {} : { x } });

const node = (name: string, x: string): CatalogNode => ({
  name,
  address: "10.0.0.1",
  datacenter: "dc1",
  meta: { x },
});

const key = (name: string, value: string): KeyValue => ({ key: name, value });

const WEB = { kind: "service", name: "web" } as const;
const INSTANCES = [withMeta("web-1", "ok"), withMeta("web-2", BAD), withMeta("web-3", "fine")];
const WEB_2 = 'service "web", instance "web-2" on n1';
const TREE: Answers = [
  [{ kind: "tree", prefix: "r/" }, [key("r/one", "/1"), key("r/two", BAD), key("r/x/y", "/3")]],
];
const INFO: Answers = [
  [{ kind: "key", key: "info" }, key("info", `{"servers":[{"host":"h1"},{"host":"${BAD}"}]}`)],
];

describe("the part at fault of a render, and its field", () => {
  test.each<[string, string, Answers, string, string | undefined]>([
    [
      "service",
      "{{#each (service 'web')}}a {{meta.x}};{{/each}}",
      [[WEB, INSTANCES]],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "a tagged service",
      "{{#each (service 'v2.web')}}a {{meta.x}};{{/each}}",
      [[{ ...WEB, tag: "v2" }, INSTANCES]],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "connect",
      "{{#each (connect 'web')}}a {{meta.x}};{{/each}}",
      [[{ kind: "connect", name: "web" }, [withMeta("p-1", BAD, { name: "web-sidecar-proxy" })]]],
      'service "web-sidecar-proxy", instance "p-1" on n1',
      `meta x="${BAD}"`,
    ],
    [
      "a prepared query",
      "{{#each (preparedQuery 'near')}}a {{meta.x}};{{/each}}",
      [[{ kind: "prepared", prepared: "near" }, INSTANCES]],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "services",
      "{{#each (services)}}{{#each tags}}a {{this}};{{/each}}{{/each}}",
      [
        [
          { kind: "services" },
          [
            { name: "api", tags: ["v1"] },
            { name: "web", tags: [BAD] },
          ],
        ],
      ],
      'service "web"',
      `tag "${BAD}"`,
    ],
    [
      "nodes",
      "{{#each (nodes)}}a {{meta.x}};{{/each}}",
      [[{ kind: "nodes" }, [node("n1", "ok"), node("n2", BAD)]]],
      'node "n2"',
      `meta x="${BAD}"`,
    ],
    [
      "a node's service",
      "{{#with (node 'n1')}}{{#each services}}a {{meta.x}};{{/each}}{{/with}}",
      [
        [
          { kind: "node", node: "n1" },
          { ...node("n1", "ok"), services: [withMeta("web-1", BAD)] },
        ],
      ],
      "node n1",
      undefined,
    ],
    [
      "datacenters",
      "{{#each (datacenters)}}a {{this}};{{/each}}",
      [[{ kind: "datacenters" }, ["dc1", BAD]]],
      "datacenters",
      undefined,
    ],
    [
      "key",
      "a {{key 'k'}};",
      [[{ kind: "key", key: "k" }, key("k", BAD)]],
      'key "k"',
      `value "${BAD}"`,
    ],
    [
      "a key of another datacenter",
      "a {{key 'k' dc='dc2'}};",
      [[{ kind: "key", key: "k", datacenter: "dc2" }, key("k", BAD)]],
      'key "k" of dc2',
      `value "${BAD}"`,
    ],
    [
      "keyOr",
      "a {{keyOr 'k' 'x'}};",
      [[{ kind: "key", key: "k" }, key("k", BAD)]],
      'key "k"',
      `value "${BAD}"`,
    ],
    ["tree", "{{#each (tree 'r')}}a {{value}};{{/each}}", TREE, 'key "r/two"', `value "${BAD}"`],
    [
      "safeTree",
      "{{#each (safeTree 'r')}}a {{value}};{{/each}}",
      TREE,
      'key "r/two"',
      `value "${BAD}"`,
    ],
    ["ls", "{{#each (ls 'r')}}a {{value}};{{/each}}", TREE, 'key "r/two"', `value "${BAD}"`],
    [
      "safeLs",
      "{{#each (safeLs 'r')}}a {{value}};{{/each}}",
      TREE,
      'key "r/two"',
      `value "${BAD}"`,
    ],
    ["file", "a {{file 'f'}};", [[{ kind: "file", path: "f" }, BAD]], 'file "f"', undefined],
    [
      "caLeaf",
      "{{#with (caLeaf 'web')}}a {{certPem}};{{/with}}",
      [[{ kind: "caLeaf", service: "web" }, { certPem: BAD } as never]],
      "caLeaf web",
      undefined,
    ],
    [
      "caRoots",
      "{{#each (caRoots)}}a {{name}};{{/each}}",
      [[{ kind: "caRoots" }, [{ name: BAD }] as never]],
      "caRoots",
      undefined,
    ],
    // Derived from answers.
    [
      "one of a list, by lookup",
      "a {{lookup (lookup (service 'web') 1) 'id'}} {{lookup (lookup (lookup (service 'web') 1) 'meta') 'x'}};",
      [[WEB, INSTANCES]],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "a group",
      "{{#each (byPort (service 'web'))}}{{#each this}}a {{meta.x}};{{/each}}{{/each}}",
      [[WEB, INSTANCES]],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "a sorted list",
      "{{#each (sortBy (service 'web') 'id')}}a {{meta.x}};{{/each}}",
      [[WEB, INSTANCES]],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "a map's entry",
      "{{#each (service 'web')}}{{#each meta}}a {{this}};{{/each}}{{/each}}",
      [[WEB, INSTANCES]],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "a partial's context",
      "{{#*inline 'p'}}a {{meta.x}};{{/inline}}{{#each (services)}}{{> p (lookup (service 'web') 1)}}{{/each}}",
      [
        [{ kind: "services" }, [{ name: "api", tags: [] }]],
        [WEB, INSTANCES],
      ],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "explode",
      "{{#with (explode (tree 'r'))}}a {{x.y}} {{two}};{{/with}}",
      TREE,
      'key "r/two"',
      `value "${BAD}"`,
    ],
    [
      "byKey",
      "{{#each (byKey (tree 'r'))}}{{#each this}}a {{value}};{{/each}}{{/each}}",
      [[{ kind: "tree", prefix: "r/" }, [key("r/a/one", "/1"), key("r/a/two", BAD)]]],
      'key "r/a/two"',
      `value "${BAD}"`,
    ],
    [
      "parseJSON of a key",
      "{{#each (lookup (parseJSON (key 'info')) 'servers')}}a {{host}};{{/each}}",
      INFO,
      'key "info"',
      "servers.1.host",
    ],
    [
      "parseJSON within with",
      "{{#with (parseJSON (key 'info'))}}{{#each servers}}a {{host}};{{/each}}{{/with}}",
      INFO,
      'key "info"',
      "servers.1.host",
    ],
    [
      "parseYAML of a file",
      "{{#each (parseYAML (file 'f'))}}a {{this}};{{/each}}",
      [[{ kind: "file", path: "f" }, `- ok\n- "${BAD}"`]],
      'file "f"',
      "1",
    ],
    [
      "two keys, of which one is parsed",
      "{{#with (merge (parseJSON (key 'info')) (parseJSON (key 'more')))}}a {{lookup (lookup servers 1) 'host'}};{{/with}}",
      [...INFO, [{ kind: "key", key: "more" }, key("more", '{"other":"x"}')]],
      'key "info"',
      "servers.1.host",
    ],
    [
      "a key in an instance's loop",
      "{{#each (service 'web')}}a {{key 'k'}};{{/each}}",
      [
        [WEB, [withMeta("web-1", "ok")]],
        [{ kind: "key", key: "k" }, key("k", BAD)],
      ],
      'key "k"',
      `value "${BAD}"`,
    ],
    [
      "an instance behind a condition on a key",
      "{{#if (key 'k')}}{{#each (service 'web')}}a {{meta.x}};{{/each}}{{/if}}",
      [
        [WEB, INSTANCES],
        [{ kind: "key", key: "k" }, key("k", "on")],
      ],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "a scratch value",
      "{{#each (service 'web')}}{{scratchSet 'x' meta.x}}a {{scratchGet 'x'}};{{/each}}",
      [[WEB, INSTANCES]],
      WEB_2,
      `meta x="${BAD}"`,
    ],
    [
      "a text that is no JSON",
      "{{#with (parseJSON (key 'info'))}}a {{x}};{{/with}}",
      [[{ kind: "key", key: "info" }, key("info", '{"x":')]],
      'key "info"',
      'value "{\\"x\\":"',
    ],
    // What only some lack is theirs.
    [
      "a value that only one instance lacks",
      "{{#each (service 'web')}}a {{meta.x}};{{/each}}",
      [[WEB, [withMeta("web-1", "ok"), withMeta("web-2")]]],
      WEB_2,
      undefined,
    ],
    [
      "text that only one instance's number is",
      "{{#each (service 'web')}}a {{parseInt meta.x}};{{/each}}",
      [[WEB, [withMeta("web-1", "1"), withMeta("web-2", "many")]]],
      WEB_2,
      undefined,
    ],
    [
      "text that is no JSON in one of the keys",
      "{{#each (ls 'r')}}a {{lookup (parseJSON value) 'x'}};{{/each}}",
      [[{ kind: "tree", prefix: "r/" }, [key("r/one", '{"x":"1"}'), key("r/two", "{")]]],
      'key "r/two"',
      'value "{"',
    ],
  ])("%s", (_, template, answers, part, field) => {
    const named = namedOf(template, answers);
    expect(named.parts).toEqual([part]);
    expect(named.fields[0]).toBe(field);
  });
});

test.each([
  ["one two", 'Quote the word in the template, such as "{{value}}"'],
  ["$host", "Correct the value where it is registered"],
])("what would help a key's value %j is in the hint", (value, hint) => {
  const answers: Answers = [[{ kind: "key", key: "k" }, key("k", value)]];
  expect(namedOf("a {{key 'k'}};", answers).hint).toContain(hint);
});

describe("a fault that is the template's", () => {
  test.each<[string, string, Answers]>([
    [
      "a value that all instances lack",
      "{{#each (service 'web')}}a {{meta.none}};{{/each}}",
      [[WEB, INSTANCES]],
    ],
    [
      "a value where none can stand",
      "{{#each (service 'web')}}{{id}} on;{{/each}}",
      [[WEB, INSTANCES]],
    ],
    ["a value of nobody's", "a {{none}};", []],
  ])("%s", (_, template, answers) => {
    expect(namedOf(template, answers).parts).toEqual([]);
  });

  test("does not hide the faults of parts", () => {
    const named = namedOf("{{#each (service 'web')}}a {{meta.x}};{{/each}}b {{none}};", [
      [WEB, INSTANCES],
    ]);
    expect(named.parts).toEqual([WEB_2]);
    expect(named.reason).toContain("there is no value here");
    expect(named.isOfTemplate).toBe(true);
  });
});

describe("the parts on a line", () => {
  const LINE = "{{#each (service 'web')}}server {{address}} {{meta.x}};{{/each}}";

  test("several instances, each with its field", () => {
    const instances = [withMeta("web-1", "one"), withMeta("web-2", "heavy"), withMeta("web-3", "")];
    expect(onLine(`first;\n${LINE}`, [[WEB, instances]], 2)).toEqual([
      ['service "web", instance "web-1" on n1', 'address "10.0.0.1"'],
      [WEB_2, 'address "10.0.0.1"'],
      ['service "web", instance "web-3" on n1', 'address "10.0.0.1"'],
    ]);
    expect(onLine(`first;\n${LINE}`, [[WEB, instances]], 1)).toEqual([]);
  });

  test.each([
    ['invalid parameter "weight=heavy"', ["web-2"]],
    ['invalid number of arguments in "heavy" directive', ["web-1", "web-2"]],
    ['host not found in "theheavy.test"', ["web-1", "web-2"]],
  ])("of several those whose value the proxy quotes: %s", (message, ids) => {
    const answers: Answers = [[WEB, [withMeta("web-1", "one"), withMeta("web-2", "heavy")]]];
    const names = ids.map((id) => `service "web", instance "${id}" on n1`);
    expect(onLine(LINE, answers, 1, message)?.map(([name]) => name)).toEqual(names);
  });

  test("one line each", () => {
    const template = "{{#each (service 'web')}}\nserver {{meta.x}};\n{{/each}}";
    const instances = [withMeta("web-1", "one"), withMeta("web-2", "two")];
    expect(onLine(template, [[WEB, instances]], 2)).toEqual([[WEB_2, 'meta x="two"']]);
  });

  test("keys", () => {
    const tree: Answers = [
      [{ kind: "tree", prefix: "r/" }, [key("r/a", "301"), key("r/b", "xyz")]],
    ];
    expect(onLine("{{#each (ls 'r')}}return {{value}};{{/each}}", tree, 1)).toEqual([
      ['key "r/a"', 'value "301"'],
      ['key "r/b"', 'value "xyz"'],
    ]);
  });

  test("after an else-if that precedes it", () => {
    const template =
      "{{#each (service 'web')}}{{#if meta.none}}a;{{else if meta.x}}b {{meta.x}};{{/if}}{{/each}}";
    expect(onLine(template, [[WEB, [withMeta("web-2", "on")]]], 1)).toEqual([
      [WEB_2, 'meta x="on"'],
    ]);
  });

  test("the template's own text that an instance brings", () => {
    const template = "{{#each (service 'web')}}\n{{#if meta.x}}\nbroken;\n{{/if}}\n{{/each}}";
    const instances = [withMeta("web-1"), withMeta("web-2", "on")];
    expect(onLine(template, [[WEB, instances]], 1)).toEqual([[WEB_2, undefined]]);
  });
});

test("a line of many renders is found without a new trace, unless it is another part's there", () => {
  const template = "{{#each (service 'web')}}\nserver {{meta.x}};\n{{/each}}";
  const answers = (ids: readonly string[]): Answers => [
    [WEB, ids.map((id) => withMeta(id, id.slice(0, 5)))],
  ];
  const finder = createLineFinder();
  const find = (ids: readonly string[], line: number, without: readonly string[] = []) => {
    const options = optionsOf(template, answers(ids));
    const rendered = judgeRender(options);
    if (!("outputs" in rendered)) throw new Error("it does not render");
    const outs = new Set(
      without.map((id) =>
        partText({ kind: "instance", service: "web", instance: id, node: "n1", datacenter: "dc1" }),
      ),
    );
    const origin = finder.find({ path: "/out/file", line }, options, {
      outputs: rendered.outputs,
      without: outs,
    });
    return { excerpt: origin?.excerpt, parts: origin?.parts.map(({ part }) => partName(part)) };
  };
  expect(find(["web-1", "web-2", "web-3"], 2).parts).toEqual([WEB_2]);
  const later = find(["web-2", "web-3"], 1);
  expect(later.parts).toEqual([WEB_2]);
  expect(later.excerpt).toMatch(/^1 \| server web-2;\nfrom t\.hbs:2:/);
  expect(find(["web-2x"], 1, ["web-2"]).parts).toEqual(['service "web", instance "web-2x" on n1']);
});

function namedOf(template: string, answers: Answers) {
  const verdict = judgeRender(optionsOf(template, answers));
  if (!("isOk" in verdict)) throw new Error(`it renders: ${JSON.stringify(verdict)}`);
  const { named, reason, isOfTemplate } = verdict;
  const hint = named[0]?.hint;
  return {
    parts: named.map(({ text }) => nameOf(text)),
    fields: named.map(({ field }) => field),
    reason,
    hint,
    isOfTemplate,
  };
}

/** As a person names a part, of its canonical text. */
function nameOf(text: string): string {
  const [kind = "", ...rest] = JSON.parse(text) as readonly string[];
  const [a = "", b = "", c = "", d = ""] = rest;
  const names: Readonly<Record<string, string>> = {
    instance: partName({ kind: "instance", datacenter: a, node: b, service: c, instance: d }),
    service: partName({ kind: "service", service: a }),
    node: partName({ kind: "node", datacenter: a, node: b }),
    key: partName({ kind: "key", key: b, ...(a === "" ? {} : { datacenter: a }) }),
    answer: a,
  };
  return names[kind] ?? text;
}

const onLine = (template: string, answers: Answers, line: number, message = "") =>
  blameLine({ path: "/out/file", line, message }, optionsOf(template, answers))?.parts.map(
    ({ part, field }) => [partName(part), field],
  );

function optionsOf(template: string, answers: Answers): BlameOptions {
  const known = new Map(answers.map(([query, answer]) => [queryText(query), answer]));
  const config = parseConfig(
    "proxies: [{ name: edge, kind: nginx, files: [{ template: a, path: b }] }]",
    { file: "fairlead.yaml", environment: {} },
  );
  const snapshot = {
    version: 1,
    takenAtMs: 0,
    get: (query: Query) => known.get(queryText(query)) as never,
  };
  const file: FileTemplate = {
    entry: { template: "t.hbs", path: "/out/file", mode: "0644" },
    format: "nginx",
    content: compileTemplate(template, { file: "t.hbs", format: "nginx" }),
    path: undefined,
  };
  return { templates: [file], snapshot, proxy: config.proxies[0] as ProxyConfig, values: {} };
}
