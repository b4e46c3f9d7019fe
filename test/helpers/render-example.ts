import { readFileSync } from "node:fs";
import { queryText } from "../../src/catalog/query.ts";
import { createSnapshot } from "../../src/catalog/snapshot.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { ProxyConfig } from "../../src/config/proxy-schema.ts";
import { parseCatalog } from "../../src/source/file/catalog-file.ts";
import { answerFrom } from "../../src/source/file/file-source.ts";
import { compileTemplate } from "../../src/template/load-template.ts";
import { renderProxy } from "../../src/template/render-proxy.ts";

const FILE = new URL("../fixtures/example-catalog.yaml", import.meta.url);

/** The catalog that the helpers' examples are rendered with. */
const EXAMPLE_CATALOG = readFileSync(FILE, "utf8");

/** Renders a template's text, unescaped, with the example catalog. */
export function renderExample(source: string): string {
  const catalog = parseCatalog(EXAMPLE_CATALOG, "example-catalog.yaml");
  const snapshot: ReturnType<typeof createSnapshot> = {
    ...createSnapshot(new Map(), 1),
    get: (query) => answerFrom(catalog, query) as never,
  };
  const content = compileTemplate(source, { file: "t.hbs", format: "text" });
  const entry = { template: "t.hbs", path: "/out", mode: "0644" };
  const rendered = renderProxy([{ entry, format: "text", content, path: undefined }], snapshot, {
    proxy: config.proxies[0] as ProxyConfig,
    values: config.values,
  });
  if (rendered.kind === "rendered") return rendered.outputs[0]?.text ?? "";
  throw new Error(`it waits for ${[...rendered.missing.values()].map(queryText).join(", ")}`);
}

const config = parseConfig(
  "proxies: [{ name: edge, kind: nginx, files: [{ template: a, path: b }] }]\nvalues: { domain: example.com }",
  { file: "fairlead.yaml", environment: {} },
);
