import { expect, test } from "vitest";
import { renderUsable } from "../../src/apply/quarantine/render-usable.ts";
import type { queryText } from "../../src/catalog/query.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { ProxyConfig } from "../../src/config/proxy-schema.ts";
import { parseCatalog } from "../../src/source/file/catalog-file.ts";
import { answerFrom } from "../../src/source/file/file-source.ts";
import { compileTemplate } from "../../src/template/compile/load-template.ts";
import type { FileTemplate } from "../../src/template/compile/proxy-templates.ts";
import { blameLine } from "../../src/template/provenance/blame-line.ts";

/** Each instance's meta, by the name of its service. */
type Metas = Readonly<Record<string, Readonly<Record<string, string>>>>;

const EACH = "{{#each (services)}}{{#each (service this)}}";
const END = "{{/each}}{{/each}}";

test.each([
  ["proxy_pass {{meta.x}};", "http://unix:/run/docker.sock:/"],
  ["proxy_pass {{meta.x}}://10.0.0.1;", "http://unix"],
  ["access_log /var/log/nginx/{{meta.x}}.log;", "../../../etc/cron.d/x"],
  ['root "/srv/{{meta.x}}";', "../../etc"],
  ["ssl_certificate /etc/tls/{{meta.x}}.pem;", "../x"],
  ["content_by_lua_file /srv/{{meta.x}}.lua;", "../x"],
])("%s is not written with %j", async (line, x) => {
  const { texts, leftOut } = await render([entry(`${EACH}${line}\n${END}`)], {
    good: { x: "y" },
    evil: { x },
  });
  expect(leftOut).toEqual(["evil"]);
  expect(texts.join()).toBe(`${line.replace("{{meta.x}}", "y")}\n`);
});

test.each([
  ["{{lower name}}.conf", ["A", "a"]],
  ["{{name}}.conf", ["a", "taken"]],
  ["{{name}}.conf", ["a", "x".repeat(300)]],
  ["{{name}}.conf", ["a", "../a"]],
])("an output %s that is another's, or no file, costs its service", async (path, names) => {
  const metas = Object.fromEntries(names.map((name) => [name, {}]));
  const { texts, leftOut } = await render(
    [
      entry("# {{name}}", { path: `/out/${path}`, each: "services" }),
      entry("", { path: "/out/taken.conf" }),
    ],
    metas,
  );
  expect(leftOut).toEqual(names.slice(1));
  expect(texts).toHaveLength(2);
});

test("a value that looks like a note of where something comes from blames nobody else", () => {
  const fake = `${String.fromCodePoint(0xf0000)}0${String.fromCodePoint(0xf0001)}`;
  const from = options([entry(`${EACH}x {{meta.x}};\n${END}`)], {
    a: { x: "y" },
    evil: { x: `${fake}z` },
  });
  const origin = blameLine({ path: "/out/file", line: 2 }, from);
  expect(origin?.parts).toMatchObject([{ part: { kind: "instance", service: "evil" } }]);
});

async function render(templates: readonly FileTemplate[], metas: Metas) {
  const { rendered, faults } = await renderUsable(options(templates, metas));
  if (rendered.kind === "waiting") throw new Error("answers are missing");
  return {
    texts: rendered.outputs.map(({ text }) => text),
    leftOut: faults.map(({ part }) => ("service" in part ? part.service : "")),
  };
}

function options(templates: readonly FileTemplate[], metas: Metas) {
  const services = Object.fromEntries(
    Object.entries(metas).map(([name, meta]) => [name, [{ address: "10.0.0.1", port: 1, meta }]]),
  );
  const data = parseCatalog(JSON.stringify({ services }), "catalog.yaml");
  const config = parseConfig(
    "proxies: [{ name: edge, kind: nginx, files: [{ template: a, path: b }] }]",
    { file: "fairlead.yaml", environment: {} },
  );
  const snapshot = {
    version: 1,
    takenAtMs: 0,
    get: memoized((query: Parameters<typeof queryText>[0]) => answerFrom(data, query) as never),
  };
  return { templates, snapshot, proxy: config.proxies[0] as ProxyConfig, values: {} };
}

/** A snapshot gives the same object for the same query. */
function memoized<Q, A>(answer: (query: Q) => A): (query: Q) => A {
  const known = new Map<string, A>();
  return (query) => {
    const key = JSON.stringify(query);
    const result = known.get(key) ?? answer(query);
    known.set(key, result);
    return result;
  };
}

function entry(
  source: string,
  { path = "/out/file", each }: { readonly path?: string; readonly each?: "services" } = {},
): FileTemplate {
  return {
    entry: { template: "t.hbs", path, mode: "0644", ...(each && { each }) },
    format: "nginx",
    content: compileTemplate(source, { file: "t.hbs", format: "nginx" }),
    path: each && compileTemplate(path, { file: "path", format: "path" }),
  };
}
