import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instance } from "../../src/catalog/instance.ts";
import { buildRouteTable as build } from "../../src/route/route-table.ts";

describe("buildRouteTable()", () => {
  test("serves a service that says nothing at its name, without the name", () => {
    const { routes } = buildRouteTable([instance("web")]);
    expect(routes).toMatchObject([
      { name: "web", path: "/web", strip: true, servers: [{ port: 8000 }] },
    ]);
    expect(routes[0]).not.toHaveProperty("host");
  });

  test.each([
    ["tags", { tags: ["route.path=/api/", "route.host=API.example.com"] }],
    ["meta", { meta: { route_path: "/api", route_host: "api.example.com" } }],
    ["Registrator's meta", { meta: { ROUTE_PATH: "/api", ROUTE_HOST: "api.example.com" } }],
  ])("reads path and host from %s, and does not strip", (_, parts) => {
    const { routes } = buildRouteTable([instance("web", parts)]);
    expect(routes).toMatchObject([{ path: "/api", host: "api.example.com", strip: false }]);
  });

  test("a tag wins over meta", () => {
    const { routes } = buildRouteTable([
      instance("web", { tags: ["route.path=/a"], meta: { route_path: "/b" } }),
    ]);
    expect(routes.map(({ path }) => path)).toEqual(["/a"]);
  });

  test("several paths and hosts give a route each, the longest path first", () => {
    const { routes } = buildRouteTable([
      instance("web", {
        tags: ["route.path=/a", "route.path=/a/b"],
        meta: { route_host: "x.test, *.y.test" },
      }),
    ]);
    expect(routes.map(({ host, path }) => `${host}${path}`)).toEqual([
      "x.test/a/b",
      "x.test/a",
      "*.y.test/a/b",
      "*.y.test/a",
    ]);
    expect(new Set(routes.map(({ name }) => name)).size).toBe(4);
  });

  test("a host without a path is served at its root", () => {
    const { routes } = buildRouteTable([instance("web", { tags: ["route.host=x.test"] })]);
    expect(routes).toMatchObject([{ path: "/", strip: false }]);
  });

  test("route.expose=false hides it", () => {
    expect(buildRouteTable([instance("web", { tags: ["route.expose=false"] })]).routes).toEqual([]);
  });

  test("keeps the route of a service without healthy instances", () => {
    const { routes } = buildRouteTable([
      instance("web", { status: "critical" }),
      instance("web", { id: "b", status: "maintenance" }),
      instance("web", { id: "c", status: "warning" }),
    ]);
    expect(routes).toMatchObject([{ path: "/web", servers: [] }]);
  });

  test("reads every policy key", () => {
    const { routes } = buildRouteTable([
      instance("web", {
        tags: [
          "balance=hash",
          "sticky=cookie:sid",
          "timeout=1.5s",
          "retries=0",
          "maxconn=7",
          "probe=/health",
          "strip=true",
          "path=/x",
        ].map((it) => `route.${it}`),
      }),
    ]);
    expect(routes).toMatchObject([
      {
        balance: "hash",
        sticky: { by: "cookie", cookie: "sid" },
        timeoutMs: 1500,
        retries: 0,
        probe: "/health",
        strip: true,
        servers: [{ maxconn: 7 }],
      },
    ]);
  });

  test("of two services that claim a place the older keeps it, and the conflict is reported", () => {
    const { routes, problems } = buildRouteTable([
      instance("young", { tags: ["route.path=/x"], createIndex: 9 }),
      instance("old", { tags: ["route.path=/x"], createIndex: 3 }),
    ]);
    expect(routes).toMatchObject([{ service: "old" }]);
    expect(problems).toMatchObject([
      { service: "young", subject: "route /x", reason: expect.stringContaining('"old" is older') },
    ]);
  });

  test.each([
    "route.path=/a b",
    "route.path=/a;{",
    "route.path=/../etc",
    "route.path=a",
    "route.path=/__fairlead/generation",
    "route.host=a b",
    "route.host=a;b",
    "route.expose=maybe",
  ])("an instance that says %j is not exposed elsewhere instead", (tag) => {
    const { routes, problems } = buildRouteTable([
      instance("bad", { tags: [tag] }),
      instance("good", { port: 1 }),
    ]);
    expect(routes.map(({ service }) => service)).toEqual(["good"]);
    expect(problems).toMatchObject([{ service: "bad", subject: tag }]);
  });

  test.each(["route.timeout=soon", "route.balance=best", "route.weight=-1", "route.colour=red"])(
    "%j is reported and ignored",
    (tag) => {
      const { routes, problems } = buildRouteTable([instance("web", { tags: [tag] })]);
      expect(routes).toHaveLength(1);
      expect(problems).toMatchObject([{ subject: tag }]);
    },
  );

  test.each([
    ["10.0.0.1; x", 80],
    ["unix:/run/x", 80],
    ["fe80::1%eth0", 80],
    ["", 80],
    ["10.0.0.1", 0],
    ["10.0.0.256", 80],
  ])("leaves out an instance at %j:%d, not its service", (address, port) => {
    const { routes, problems } = buildRouteTable([
      instance("web", { id: "bad", address, port }),
      instance("web"),
    ]);
    expect(routes).toMatchObject([{ servers: [{ address: "10.0.0.1", port: 8000 }] }]);
    expect(problems).toMatchObject([{ instance: "bad" }]);
  });

  test("shares the requests by weight, and gives all canaries together their percentage", () => {
    const { routes } = buildRouteTable([
      instance("web", { id: "a", port: 1, weights: { passing: 1, warning: 1 } }),
      instance("web", { id: "b", port: 2, weights: { passing: 3, warning: 1 } }),
      instance("web", { id: "c", port: 3, tags: ["route.canary=20"] }),
    ]);
    expect(routes[0]?.servers.map(({ weight }) => weight)).toEqual([1, 3, 1]);
  });

  test("canaries get everything when nothing else is healthy", () => {
    const { routes } = buildRouteTable([
      instance("web", { id: "a", status: "critical" }),
      instance("web", { id: "c", port: 3, tags: ["route.canary=0"] }),
    ]);
    expect(routes[0]?.servers.map(({ port }) => port)).toEqual([3]);
  });

  test("names differ and are identifiers, whatever the services are called", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, unit: "binary" }), { minLength: 1, maxLength: 8 }),
        (names) => {
          const { routes } = buildRouteTable(
            names.map((name, i) =>
              instance(name, { id: name, createIndex: i, tags: [`route.path=/${i}`] }),
            ),
          );
          expect(new Set(routes.map(({ name }) => name)).size).toBe(names.length);
          for (const { name } of routes) expect(name).toMatch(/^[a-z][a-z0-9_]{0,63}$/);
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  test("does not depend on the order of the instances", () => {
    const all = ["a", "b", "c"].flatMap((name, i) =>
      [1, 2, 3].map((port) =>
        instance(name, {
          id: `${name}${port}`,
          port,
          createIndex: i * 3 + port,
          tags: port === 2 ? ["route.path=/shared"] : [],
        }),
      ),
    );
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        expect(buildRouteTable(shuffled)).toEqual(buildRouteTable(all));
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test("going on from the table before gives the same as building it anew", () => {
    const service = fc.array(
      fc.record({
        id: fc.constantFrom("a", "b", "c"),
        createIndex: fc.constantFrom(1, 2),
        port: fc.constantFrom(0, 8000, 8001),
        status: fc.constantFrom<Instance["status"]>("passing", "passing", "critical"),
        tags: fc.subarray([
          "route.path=/shared",
          "route.path=/p",
          "route.host=x.test",
          "route.expose=false",
        ]),
        meta: fc.constantFrom<Instance["meta"]>(
          {},
          {},
          { route_timeout: "9s" },
          { route_timeout: "?" },
        ),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const change = fc.tuple(fc.constantFrom("s1", "s2", "s3", "s4"), fc.option(service));
    fc.assert(
      fc.property(fc.array(change, { minLength: 4, maxLength: 30 }), (changes) => {
        const services = new Map<string, readonly Instance[]>();
        let table = build([]);
        for (const [name, parts] of changes) {
          if (parts === null) services.delete(name);
          else
            services.set(
              name,
              parts.map((it) => instance(name, it)),
            );
          const all = [...services].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, it]) => it);
          table = build(all, { before: table });
          expect(table).toEqual(build(all));
        }
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

/** As the catalog answers: the instances of each service apart. */
function buildRouteTable(instances: readonly Instance[]) {
  const names = [...new Set(instances.map(({ name }) => name))];
  return build(names.map((name) => instances.filter((it) => it.name === name)));
}

function instance(name: string, parts: Partial<Instance> = {}): Instance {
  return {
    id: `${name}-1`,
    name,
    address: "10.0.0.1",
    port: 8000,
    tags: [],
    meta: {},
    weights: { passing: 1, warning: 1 },
    status: "passing",
    node: "n1",
    nodeAddress: "10.0.0.1",
    nodeMeta: {},
    datacenter: "dc1",
    createIndex: 1,
    ...parts,
  };
}
