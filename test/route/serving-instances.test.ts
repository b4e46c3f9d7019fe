import { describe, expect, test } from "vitest";
import type { Instance, InstanceStatus } from "../../src/catalog/instance.ts";
import { type RoutesConfig, routesSchema } from "../../src/config/routes-schema.ts";
import { buildRouteTable } from "../../src/route/route-table.ts";

const STATUSES: readonly InstanceStatus[] = ["passing", "warning", "critical", "maintenance"];

describe("which instances serve", () => {
  test.each([
    // the config, the instances that there are, the instances that serve
    [{}, STATUSES, ["passing"]],
    [{}, ["warning", "critical"], []],
    [{ status: ["passing", "warning"] }, STATUSES, ["passing", "warning"]],
    [{ status: ["passing", "warning"] }, ["warning", "critical"], ["warning"]],
    [{ whenNone: "503" }, ["warning"], []],
    [{ whenNone: 503 }, ["warning"], []],
    [{ whenNone: "warning" }, STATUSES, ["passing"]],
    [{ whenNone: "warning" }, ["warning", "critical", "maintenance"], ["warning"]],
    [{ whenNone: "warning" }, ["critical"], []],
    [{ whenNone: "all" }, STATUSES, ["passing"]],
    [{ whenNone: "all" }, ["warning", "critical", "maintenance"], ["critical", "warning"]],
    [{ whenNone: "all" }, ["maintenance"], []],
    [{ status: ["passing", "warning"], whenNone: "all" }, ["critical"], ["critical"]],
  ] as const)("with %j, of %j: %j", (config, statuses, serving) => {
    const servers = serversOf(
      statuses.map((status) => instance({ status })),
      config,
    );
    expect(servers.map((it) => it.instance).toSorted(byName)).toEqual(serving.toSorted(byName));
  });

  test.each([
    [{ passing: 10, warning: 1 }, [], 10],
    [{ passing: 3, warning: 0 }, [], undefined],
    [{ passing: 10, warning: 5 }, ["route.weight=10"], 2],
    [{ passing: 10, warning: 1 }, ["route.weight=0"], undefined],
    [{ passing: 10, warning: 0 }, ["route.weight=5"], undefined],
  ] as const)(
    "with weights %j and tags %j one in warning gets one share of %j",
    (weights, tags, shares) => {
      const servers = serversOf(
        [
          instance({ status: "passing", weights, tags: tags.filter((it) => !it.endsWith("=0")) }),
          instance({ status: "warning", weights, tags }),
        ],
        { status: ["passing", "warning"] },
      );
      const weightOf = (name: string) => servers.find((it) => it.instance === name)?.weight;
      expect(weightOf("warning")).toBe(shares === undefined ? undefined : 1);
      if (shares !== undefined) expect(weightOf("passing")).toBe(shares);
    },
  );

  test("nobody in warning whose weight for that is 0 serves when nothing passes, and with `all` each as if it passed", () => {
    const all = [
      instance({ status: "warning", weights: { passing: 4, warning: 0 } }),
      instance({ status: "critical", weights: { passing: 1, warning: 1 } }),
    ];
    expect(serversOf(all, { whenNone: "warning" })).toEqual([]);
    expect(serversOf(all, { whenNone: "all" }).map((it) => [it.instance, it.weight])).toEqual([
      ["critical", 1],
      ["warning", 4],
    ]);
  });

  test("an address that cannot serve does not count as one that passes", () => {
    const all = [instance({ status: "passing", address: "x;" }), instance({ status: "warning" })];
    expect(serversOf(all, { whenNone: "warning" }).map((it) => it.instance)).toEqual(["warning"]);
  });

  test("two configs of one process do not share what they read", () => {
    const all = [instance({ status: "warning" })];
    const rules = [{}, { whenNone: "all" }, {}].map((it) => routesSchema.parse(it));
    expect(
      rules.map((it) => buildRouteTable([all], { rules: it }).routes[0]?.servers.length),
    ).toEqual([0, 1, 0]);
  });
});

test.each([
  { status: ["warning"] },
  { status: [] },
  { status: ["critical"] },
  { whenNone: "none" },
  { x: 1 },
])("the config refuses %j", (config) => {
  expect(routesSchema.safeParse(config).success).toBe(false);
});

function serversOf(instances: readonly Instance[], config: object) {
  const rules: RoutesConfig = routesSchema.parse(config);
  return buildRouteTable([instances], { rules }).routes[0]?.servers ?? [];
}

function instance(parts: Partial<Instance>): Instance {
  const { status = "passing" } = parts;
  return {
    id: status,
    name: "web",
    address: "10.0.0.1",
    port: 8_003 - STATUSES.indexOf(status),
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    node: "n1",
    nodeAddress: "10.0.0.1",
    nodeMeta: {},
    datacenter: "dc1",
    createIndex: 1,
    ...parts,
    status,
  };
}

const byName = (a: string, b: string): number => (a < b ? -1 : 1);
