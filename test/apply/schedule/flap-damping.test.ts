import { expect, test } from "vitest";
import {
  createFlapDamping,
  type DampedInstance,
} from "../../../src/apply/schedule/flap-damping.ts";
import type { Instance, InstanceStatus } from "../../../src/catalog/instance.ts";
import { queryText } from "../../../src/catalog/query.ts";
import { createSnapshot, type Snapshot } from "../../../src/catalog/snapshot.ts";

const QUERY = { kind: "service", name: "web" } as const;
const RULES = { flaps: 3, within: 1_000, quiet: 500 };

test("an instance that flaps is left out until it is quiet", () => {
  const { damper, said } = damperOf();
  const flip = (status: InstanceStatus, nowMs: number) =>
    statusesOf(damper.damped(catalog(["passing", status]), nowMs));
  expect(flip("passing", 0)).toEqual(["passing", "passing"]);
  expect(flip("critical", 100)).toEqual(["passing", "critical"]);
  expect(flip("passing", 200)).toEqual(["passing", "passing"]);
  expect(flip("critical", 300)).toEqual(["passing", "critical"]);
  expect(flip("passing", 400)).toEqual(["passing", "critical"]);
  expect(damper.list()).toEqual([{ service: "web", instance: "web-1", node: "n1" }]);
  expect(damper.endsAtMs()).toBe(900);
  expect(flip("passing", 899)).toEqual(["passing", "critical"]);
  expect(flip("passing", 900)).toEqual(["passing", "passing"]);
  expect(said).toEqual(["web-1 true", "web-1 false"]);
  expect(damper.endsAtMs()).toBeUndefined();
});

test("changes that are far apart are no flapping", () => {
  const { damper, said } = damperOf();
  for (let i = 0; i < 10; i += 1) {
    const snapshot = catalog(["passing", i % 2 === 0 ? "passing" : "critical"]);
    statusesOf(damper.damped(snapshot, i * 600));
  }
  expect(said).toEqual([]);
});

test("a service never loses its last passing instance", () => {
  const { damper } = damperOf();
  for (let i = 0; i < 6; i += 1) {
    const status = i % 2 === 0 ? "critical" : "passing";
    expect(statusesOf(damper.damped(catalog(["critical", status]), i * 10))?.[1]).toBe(status);
  }
  expect(damper.list()).toHaveLength(1);
});

test("what does not flap stays the same object, and what was shown once stays", () => {
  const { damper } = damperOf();
  const snapshot = catalog(["passing", "passing"]);
  const first = damper.damped(snapshot, 0);
  expect(first.get(QUERY)).toBe(snapshot.get(QUERY));
  const second = damper.damped(catalog(["passing", "critical"]), 10);
  second.get(QUERY);
  expect(first.get(QUERY)).toBe(snapshot.get(QUERY));
  expect(damper.damped(snapshot, 20).get({ kind: "datacenters" })).toBeUndefined();
});

function damperOf() {
  const said: string[] = [];
  const damper = createFlapDamping(RULES, ({ instance }: DampedInstance, isDamped) => {
    said.push(`${instance} ${isDamped}`);
  });
  return { damper, said };
}

const statusesOf = (snapshot: Snapshot) => snapshot.get(QUERY)?.map(({ status }) => status);

function catalog(statuses: readonly InstanceStatus[]): Snapshot {
  const instances = statuses.map(
    (status, i): Instance => ({
      id: `web-${i}`,
      name: "web",
      address: "10.0.0.1",
      port: 80 + i,
      tags: [],
      meta: {},
      weights: { passing: 1, warning: 1 },
      status,
      node: `n${i}`,
      nodeAddress: "10.0.0.1",
      nodeMeta: {},
      datacenter: "dc1",
      createIndex: i,
    }),
  );
  return createSnapshot(new Map([[queryText(QUERY), instances]]), 1);
}
