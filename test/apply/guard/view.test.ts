import { expect, test } from "vitest";
import { isAnyLeft } from "../../../src/apply/guard/recovery.ts";
import { type View, viewOf } from "../../../src/apply/guard/view.ts";
import type { Instance } from "../../../src/catalog/instance.ts";
import { queryText } from "../../../src/catalog/query.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";

const WEB = { kind: "service", name: "web" } as const;

test("what an agent registers anew is another instance; what stands elsewhere in a file is the same", () => {
  const known = { nodeId: "9fa208d1-1cf1-83db-3672-c71142868f26" };
  expect(isAnyLeft(seen({ createIndex: 2 }), seen({ createIndex: 1 }))).toBe(true);
  expect(isAnyLeft(seen({ ...known, createIndex: 2 }), seen({ ...known, createIndex: 1 }))).toBe(
    false,
  );
  const other = { nodeId: "edef4645-7fc7-a661-e945-04e4c325bb6c" };
  expect(isAnyLeft(seen(known), seen(other))).toBe(false);
  expect(isAnyLeft(seen(known), seen({ ...known, port: 2, status: "critical" }))).toBe(true);
});

function seen(more: Partial<Instance>): View {
  const instance: Instance = {
    id: "web-1",
    name: "web",
    address: "10.0.0.1",
    port: 1,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    status: "passing",
    node: "n",
    nodeAddress: "10.0.0.1",
    nodeMeta: {},
    datacenter: "dc1",
    createIndex: 1,
    ...more,
  };
  const answers = new Map([[queryText(WEB), [instance]]]);
  return viewOf(createSnapshot(answers, 1, 0), new Map([[queryText(WEB), WEB]]));
}
