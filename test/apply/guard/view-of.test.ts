import { expect, test } from "vitest";
import { isAnyLeft } from "../../../src/apply/guard/recovery.ts";
import type { View } from "../../../src/apply/guard/view.ts";
import { viewOf } from "../../../src/apply/guard/view-of.ts";
import type { Instance } from "../../../src/catalog/instance.ts";
import { type AnswerValue, type Query, queryText } from "../../../src/catalog/query.ts";
import { createSnapshot } from "../../../src/catalog/snapshot.ts";

const INSTANCE: Instance = {
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
};

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

test("a key that does not exist is an empty list, and a query without an answer is none", () => {
  const [missing, waiting] = [
    { kind: "key", key: "a" },
    { kind: "tree", prefix: "b/" },
  ] as const;
  const asked = new Map<string, Query>([missing, waiting].map((it) => [queryText(it), it]));
  const snapshot = createSnapshot(new Map([[queryText(missing), null]]), 1);
  expect([...viewOf(snapshot, asked).lists]).toEqual([["/key/a", new Set()]]);
  const otherwise = createSnapshot(
    new Map<string, AnswerValue>([
      [queryText(missing), { key: "a", value: "old" }],
      [queryText(waiting), [{ key: "b/1", value: "x" }]],
    ]),
    1,
  );
  expect([...viewOf(snapshot, asked, otherwise).lists]).toEqual([
    ["/key/a", new Set()],
    ["/tree/b/", new Set(["b/1"])],
  ]);
});

test("instances are seen by service and datacenter, those of the mesh apart", () => {
  const web = { kind: "service", name: "web" } as const;
  const mesh = { kind: "connect", name: "web" } as const;
  const answer = [{ ...INSTANCE, datacenter: "dc2" }, INSTANCE];
  const answers = new Map([web, mesh].map((it) => [queryText(it), answer] as const));
  const asked = new Map<string, Query>([web, mesh].map((it) => [queryText(it), it]));
  const { instances } = viewOf(createSnapshot(answers, 1), asked);
  expect([...instances.keys()].toSorted()).toEqual([
    "dc1/connect/web",
    "dc1/service/web",
    "dc2/connect/web",
    "dc2/service/web",
  ]);
});

function seen(more: Partial<Instance>): View {
  const instance: Instance = { ...INSTANCE, ...more };
  const answers = new Map([[queryText(WEB), [instance]]]);
  return viewOf(createSnapshot(answers, 1, 0), new Map([[queryText(WEB), WEB]]));
}
