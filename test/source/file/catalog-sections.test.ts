import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Query, queryText } from "../../../src/catalog/query.ts";
import { AppError } from "../../../src/errors.ts";
import { parseCatalog } from "../../../src/source/file/catalog-file.ts";
import { answerFrom } from "../../../src/source/file/file-source.ts";
import { recordCatalog } from "../../../src/source/file/record-catalog.ts";

const EXAMPLE = readFileSync(
  new URL("../../fixtures/example-catalog.yaml", import.meta.url),
  "utf8",
);

const QUERIES: readonly Query[] = [
  { kind: "service", name: "web" },
  { kind: "connect", name: "web" },
  { kind: "prepared", prepared: "nearest-web", near: "_agent" },
  { kind: "nodes" },
  { kind: "node", node: "n1" },
  { kind: "caRoots" },
  { kind: "file", path: "motd.txt" },
  { kind: "interfaces" },
];

test("what a catalog file has is answered, and recorded it answers the same", () => {
  const catalog = parseCatalog(EXAMPLE, "catalog.yaml");
  const recorded = QUERIES.map((query) => {
    const value = answerFrom(catalog, query);
    if (value === undefined || value === null) throw new Error(`no answer: ${queryText(query)}`);
    return { query, value };
  });
  const again = parseCatalog(recordCatalog(recorded), "recorded.yaml");
  for (const { query, value } of recorded) expect(answerFrom(again, query)).toEqual(value);
});

test("a recorded catalog has no private key", () => {
  const query = { kind: "caLeaf", service: "web" } as const;
  const value = answerFrom(parseCatalog(EXAMPLE, "catalog.yaml"), query);
  if (value === undefined) throw new Error("no answer");
  const text = recordCatalog([{ query, value }]);
  expect(text).toContain("spiffe://example.consul");
  expect(text).not.toContain("PRIVATE KEY");
});

test.each<Query>([
  { kind: "prepared", prepared: "none" },
  { kind: "caLeaf", service: "none" },
  { kind: "file", path: "none" },
  { kind: "nodes", filter: 'Node == "n1"' },
  { kind: "connect", name: "web", filter: "x" },
])("%j has no answer where the catalog says nothing of it", (query) => {
  expect(answerFrom(parseCatalog(EXAMPLE, "catalog.yaml"), query)).toBeUndefined();
});

test("a fault in a section names its place", () => {
  const text = "ca:\n  leaves: { web: { certPem: x } }\n";
  expect(() => parseCatalog(text, "c.yaml")).toThrow(AppError);
  expect(() => parseCatalog(text, "c.yaml")).toThrow(/^c\.yaml:2:/);
});
