import { readFileSync } from "node:fs";
import { queryText } from "../../src/catalog/query.ts";
import { createSnapshot, type Snapshot } from "../../src/catalog/snapshot.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import type { ProxyConfig } from "../../src/config/proxy-schema.ts";
import { parseCatalog } from "../../src/source/file/catalog-file.ts";
import { answerFrom } from "../../src/source/file/file-source.ts";
import { compileTemplate } from "../../src/template/compile/load-template.ts";
import { renderProxy } from "../../src/template/render/render-proxy.ts";

/** The catalog that the helpers' examples are rendered with. */
const EXAMPLE_CATALOG = readFileSync(
  new URL("../fixtures/example-catalog.yaml", import.meta.url),
  "utf8",
);
const CHANGED_AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Renders a template's text, unescaped and with the example catalog unless told otherwise. */
export function renderExample(
  source: string,
  options: { readonly catalog?: string; readonly format?: "nginx" | "text" } = {},
): string {
  const { catalog = EXAMPLE_CATALOG, format = "text" } = options;
  const known = parseCatalog(catalog, "catalog.yaml");
  const snapshot: Snapshot = {
    ...createSnapshot(new Map(), 1, CHANGED_AT_MS),
    get: (query) => answerFrom(known, query) as never,
  };
  const content = compileTemplate(source, { file: "t.hbs", format });
  const entry = { template: "t.hbs", path: "/out", mode: "0644" };
  const rendered = renderProxy([{ entry, format, content, path: undefined }], snapshot, {
    proxy: config.proxies[0] as ProxyConfig,
    values: config.values,
    environment: config.environment,
  });
  if (rendered.kind === "rendered") return rendered.outputs[0]?.text ?? "";
  throw new Error(`it waits for ${[...rendered.missing.values()].map(queryText).join(", ")}`);
}

const config = parseConfig(
  "proxies: [{ name: edge, kind: nginx, files: [{ template: a, path: b }] }]\nvalues: { domain: example.com }",
  { file: "fairlead.yaml", environment: { REGION: "eu" } },
);
