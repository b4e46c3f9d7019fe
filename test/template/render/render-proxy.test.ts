import { describe, expect, test } from "vitest";
import type { queryText } from "../../../src/catalog/query.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";
import { parseConfig } from "../../../src/config/load-config.ts";
import type { ProxyConfig } from "../../../src/config/proxy-schema.ts";
import { AppError } from "../../../src/errors.ts";
import { parseCatalog } from "../../../src/source/file/catalog-file.ts";
import { answerFrom } from "../../../src/source/file/file-source.ts";
import { compileTemplate } from "../../../src/template/compile/load-template.ts";
import type { FileTemplate } from "../../../src/template/compile/proxy-templates.ts";
import { renderProxy } from "../../../src/template/render/render-proxy.ts";
import type { Format } from "../../../src/template/written-text.ts";

const CATALOG = `
services:
  web:
    - { id: a, address: 10.0.0.1, port: 80, tags: [v1], node: n1, meta: { title: x } }
    - { id: b, address: 10.0.0.2, port: 81, tags: [v2], status: warning }
    - { id: c, address: 10.0.0.3, port: 82, tags: [v2], datacenter: dc2 }
  my.db: [{ address: "::1", port: 5432, status: critical }]
  evil: [{ address: "10.0.0.9; } server {", port: 1 }]
keys: { app/title: Hello, app/deep/x: "1" }
nodes: [{ name: n1, address: 10.1.0.1 }]
`;

describe("catalog helpers", () => {
  test.each([
    ['{{#each (service "web")}}{{address}} {{/each}}', "10.0.0.1 10.0.0.3 "],
    ['{{#each (service "web|any")}}{{id}}{{/each}}', "abc"],
    ['{{#each (service "web|passing,warning")}}{{id}}{{/each}}', "abc"],
    ['{{#each (service "web" health="warning")}}{{id}}{{/each}}', "b"],
    ['{{#each (service "v2.web|any")}}{{id}}{{/each}}', "bc"],
    ['{{#each (service "web@dc2|any")}}{{id}}{{/each}}', "c"],
    ['{{#each (service "web" tag="v1" dc="dc1")}}{{id}}{{/each}}', "a"],
    ['{{#each (service "my.db" tag="" health="any")}}{{port}}{{/each}}', "5432"],
    ['{{#each (service name="my.db" health="any")}}{{port}}{{/each}}', "5432"],
    [
      '{{#each (services)}}{{#each (service this health="any")}}{{port}} {{/each}}{{/each}}',
      "1 5432 80 81 82 ",
    ],
    ['{{#each (service "my.")}}{{/each}}', null],
    ["{{#each (services)}}{{name}} {{/each}}", "evil my.db web "],
    ['{{key "app/title"}}', "Hello"],
    ['{{keyOr "app/none" "else"}}', "else"],
    ['{{#if (keyExists "app/title")}}y{{/if}}{{#if (keyExists "nope")}}n{{/if}}', "y"],
    ['{{#each (ls "app")}}{{key}}={{value}};{{/each}}', "title=Hello;"],
    ['{{#each (tree "app")}}{{key}}={{value}};{{/each}}', "deep/x=1;title=Hello;"],
    ["{{#each (nodes)}}{{name}} {{address}}{{/each}}", "n1 10.1.0.1"],
    ['{{#with (node "n1")}}{{address}}{{/with}}', "10.1.0.1"],
    ["{{#each (datacenters)}}{{this}} {{/each}}", "dc1 dc2 "],
    // What the item has wins over a helper of the same name.
    ['{{#each (service "v1.web")}}{{node}}{{/each}}', "n1"],
    ['{{#each (service "web") as |key|}}{{key.id}}{{/each}}', "ac"],
    ["{{values.domain}} {{proxy.name}}", "example.com edge"],
  ])("%s", (template, expected) => {
    if (expected === null) expect(() => text(template)).toThrow(AppError);
    else expect(text(template)).toBe(expected);
  });

  test("a service whose name has dots is named with tag=", () => {
    expect(text('{{#each (service "my.db" tag="x" health="any")}}{{port}}{{/each}}')).toBe("");
    expect(
      text('{{#each (services)}}{{#each (service name tag="v1")}}{{id}}{{/each}}{{/each}}'),
    ).toBe("a");
  });
});

describe("renderProxy()", () => {
  test("waits, naming every query that has no answer, instead of giving part of a file", () => {
    const rendered = renderProxy(
      [
        template(
          '{{#each (service "web")}}x{{/each}}{{key "k"}}{{lookup (first (nodes)) "address"}}',
        ),
      ],
      createSnapshot(new Map(), 0),
      parts(),
    );
    expect(rendered.kind).toBe("waiting");
    if (rendered.kind === "waiting")
      expect([...rendered.missing.keys()]).toEqual(["service web", 'key "k"', "nodes"]);
  });

  test("waits for a key that is not there", () => {
    const rendered = renderProxy([template('{{key "app/none"}}')], snapshot(), parts());
    expect(rendered.kind).toBe("waiting");
  });

  test("the same snapshot gives the same bytes and id; the id is in the text", () => {
    const one = render("# {{generation}}\n");
    expect(one).toEqual(render("# {{generation}}\n"));
    expect(one.outputs[0]?.text).toBe(`# ${one.id}\n`);
    expect(render("# {{generation}} \n").id).not.toBe(one.id);
  });

  test("with each, one output per item at a path of its own", () => {
    const entry = { each: "services", path: "/out/{{name}}.conf" } as const;
    const { outputs } = render("# {{name}} {{values.domain}}", entry);
    expect(outputs.map(({ path, text: content }) => [path, content])).toEqual([
      ["/out/evil.conf", "# evil example.com"],
      ["/out/my.db.conf", "# my.db example.com"],
      ["/out/web.conf", "# web example.com"],
    ]);
  });

  test("two outputs of one path are refused", () => {
    expect(
      failure(() => render("x", { each: "services", path: "/out/same.conf" })).message,
    ).toContain("two outputs claim it");
  });

  test.each(["a/b", "..", "\0", ".hidden"])(
    "a service named %j cannot leave the directory",
    (name) => {
      const catalog = JSON.stringify({ services: { [name]: [{ address: "10.0.0.1", port: 1 }] } });
      const error = failure(() =>
        render("x", { each: "services", path: "/out/{{name}}" }, catalog),
      );
      expect(error.message).toContain("cannot stand in a part of a path");
    },
  );

  test("leaves Consul itself out of the routes, and reports what cannot be one", () => {
    const { outputs, problems } = render(
      "# {{#each (routes)}}{{path}} {{/each}}",
      {},
      CATALOG.replace("my.db:", "consul:"),
    );
    expect(outputs[0]?.text).toBe("# /evil /web ");
    expect(problems).toMatchObject([
      { service: "evil", reason: expect.stringContaining("left out") },
    ]);
  });
});

describe("values in a file", () => {
  test("a value that its place cannot hold is refused with the place, and text takes anything", () => {
    const error = failure(() => render('server {\n  x {{key "v"}};\n}', {}, hostile("a; x 1")));
    expect(error.message).toMatch(
      /^t\.hbs:2:5: "a; x 1" cannot stand in a bare word of nginx as it has `;`\n2 \| {3}x \{\{key "v"\}\};\n {8}\^$/,
    );
    expect(render('{{key "v"}}', { format: "text" }, hostile("a; x 1")).outputs[0]?.text).toBe(
      "a; x 1",
    );
  });

  test("{{{x}}} writes a value as it is, unless it brings directives of its own", () => {
    const source = 'server_name {{{key "v"}}};\nroot /x;\n';
    expect(render(source, {}, hostile('a "$x"')).outputs[0]?.text).toBe(
      'server_name a "$x";\nroot /x;\n',
    );
    const error = failure(() => render(source, {}, hostile("a; include /etc/passwd")));
    expect(error.message).toContain(
      'brings statements with it: "include" in line 1 of "/out/file"',
    );
    expect(error.message).toContain("t.hbs:1:13");
  });

  test("{{snippet x}} brings directives with it", () => {
    const source = '{{snippet (key "v")}}\nroot {{raw "/x"}};\n';
    expect(render(source, {}, hostile("a 1; b {}")).outputs[0]?.text).toBe("a 1; b {}\nroot /x;\n");
  });
});

describe("template errors", () => {
  test.each([
    [
      'a\n{{#each (servce "web")}}{{/each}}',
      't.hbs:2:10: unknown helper "servce"',
      'Did you mean "service"?',
    ],
    [
      "x {{#upper values.domain}}{{/upper}};",
      't.hbs:1:3: "upper" is no block',
      "{{#if (upper …)}}",
    ],
    ["x {{#raw values.domain}}{{/raw}};", 't.hbs:1:3: "raw" is no block', "{{raw …}}"],
    [
      "{{#services}}{{name}}{{/services}}",
      't.hbs:1:1: "services" is no block',
      "{{#each (services …)}}",
    ],
    ['{{#lookup values "domain"}}{{/lookup}}', 't.hbs:1:1: "lookup" is no block', "{{lookup …}}"],
    ["# {{nonsense 1}}", 't.hbs:1:5: unknown helper "nonsense"', "fairlead helpers"],
    ["x\n  {{nothing}}", "t.hbs:2:3: there is no value here", "right"],
    [
      '{{#each (service "web")}}\n {{addres}}\n{{/each}}',
      "t.hbs:2:2: there is no value here",
      "right",
    ],
    ["{{services}}", "t.hbs:1:1: a list cannot be written as text", "{{#each}}"],
    ["{{values}}", "t.hbs:1:1: an object cannot be written as text", "fields"],
    ['{{add 1 "x"}}', 't.hbs:1:1: add: each argument must be a number, got "x"', "add A B"],
    ["{{service}}", "t.hbs:1:1: service: NAME must be a name in quotes", 'service "'],
    ["a\n{{#if x}}", "t.hbs:2:1: not a valid template: unexpected end of the file", "{{/if}}"],
    ["{\n  return 200 {{x}}}", "t.hbs:2:17: not a valid template: unexpected }}}", "Put a space"],
    ["location /a {{{x}} y;", "t.hbs:1:17: not a valid template: unexpected }}", "Put a space"],
    [
      "{{#if x}}\n{{/each}}",
      "t.hbs:1:4: not a valid template: {{#if}} is closed by {{/each}}",
      "Close {{#if}}",
    ],
  ])("%j", (source, message, hint) => {
    const error = failure(() => render(source));
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });
});

const hostile = (value: string): string => JSON.stringify({ keys: { v: value } });

type EntryParts = {
  readonly each?: "services" | "routes";
  readonly path?: string;
  readonly format?: "nginx" | "vcl" | "text";
};

function text(source: string): string {
  return render(source, { format: "text" })
    .outputs.map((output) => output.text)
    .join("");
}

function render(source: string, entry: EntryParts = {}, catalog = CATALOG) {
  const rendered = renderProxy([template(source, entry)], snapshot(catalog), parts());
  if (rendered.kind === "waiting")
    throw new Error(`waiting for ${[...rendered.missing.keys()].join()}`);
  return rendered;
}

function template(
  source: string,
  { path = "/out/file", format = "nginx", each }: EntryParts = {},
): FileTemplate {
  const entry = { template: "t.hbs", path, mode: "0644", ...(each === undefined ? {} : { each }) };
  const compile = (it: string, as: Format, file: string) =>
    compileTemplate(it, { file, format: as });
  return {
    entry,
    format,
    content: compile(source, format, "t.hbs"),
    path: each === undefined ? undefined : compile(path, "path", "path"),
  };
}

function snapshot(catalog = CATALOG) {
  const data = parseCatalog(catalog, "catalog.yaml");
  return {
    version: 1,
    takenAtMs: 0,
    get: (query: Parameters<typeof queryText>[0]) => answerFrom(data, query) as never,
  };
}

function parts() {
  const config = parseConfig(
    "proxies: [{ name: edge, kind: nginx, files: [{ template: a, path: b }] }]\nvalues: { domain: example.com }",
    {
      file: "fairlead.yaml",
      environment: {},
    },
  );
  return { proxy: config.proxies[0] as ProxyConfig, values: config.values };
}

function failure(work: () => unknown): AppError {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
