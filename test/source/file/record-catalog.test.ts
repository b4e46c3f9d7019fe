import { expect, test } from "vitest";
import type { Instance } from "../../../src/catalog/instance.ts";
import { parseCatalog } from "../../../src/source/file/catalog-file.ts";
import { answerFrom } from "../../../src/source/file/file-source.ts";
import { recordCatalog } from "../../../src/source/file/record-catalog.ts";

test("a service may have a name that means something to objects", () => {
  const services = { constructor: [{ address: "10.0.0.1", port: 1 }] };
  const catalog = parseCatalog(JSON.stringify({ services }), "catalog.yaml");
  const query = { kind: "service", name: "constructor" } as const;
  const value = answerFrom(catalog, query) ?? [];
  expect(value).toHaveLength(1);
  const recorded = parseCatalog(recordCatalog([{ query, value }]), "recorded.yaml");
  expect(answerFrom(recorded, query)).toEqual(value);
});

test("the facts by which a loss is judged are recorded beside the rest", () => {
  const services = { web: [{ address: "10.0.0.1", port: 1, status: "critical" }] };
  const catalog = parseCatalog(JSON.stringify({ services }), "catalog.yaml");
  const query = { kind: "service", name: "web" } as const;
  const plain = (answerFrom(catalog, query) ?? []) as readonly Instance[];
  const known = { nodeId: "9fa208d1", isUnchecked: true, isNodeCritical: true } as const;
  const value = plain.map((it) => ({ ...it, ...known }));
  const recorded = recordCatalog([{ query, value }]);
  expect(recorded).not.toContain("answers");
  expect(answerFrom(parseCatalog(recorded, "recorded.yaml"), query)).toEqual(value);
});
