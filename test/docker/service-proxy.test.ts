import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { until } from "../helpers/until.ts";
import { consulOnFreePorts, sampleOnFreePort } from "./consul-ports.ts";
import { docker, stateOf } from "./docker.ts";
import { type Stack, startStack } from "./stack.ts";
import { instancesAt, PATIENCE, startTraffic } from "./traffic.ts";

/* compose.yaml: the tests follow each other on one stack. */

describe("compose.yaml", () => {
  let stack: Stack;
  let edge: string;
  let cache: string;
  const routes = (path: string) => [`${edge}${path}`, `${cache}${path}`];

  beforeAll(async () => {
    const consul = await consulOnFreePorts();
    const [nginx, varnish, cli, adminOfEdge, adminOfCache] = await freePorts(5);
    edge = `http://127.0.0.1:${nginx}`;
    cache = `http://127.0.0.1:${varnish}`;
    const sample = sampleOnFreePort(consul.address);
    stack = await startStack("docker/compose.yaml", {
      changes: {
        ...consul.changes,
        edge: {
          environment: {
            FAIRLEAD_CONSUL: consul.address,
            FAIRLEAD_LISTEN: `127.0.0.1:${nginx}`,
            FAIRLEAD_ADMIN: `127.0.0.1:${adminOfEdge}`,
          },
        },
        cache: {
          environment: {
            FAIRLEAD_CONSUL: consul.address,
            FAIRLEAD_LISTEN: `127.0.0.1:${varnish}`,
            FAIRLEAD_ADMIN: `127.0.0.1:${adminOfCache}`,
            FAIRLEAD_VARNISH_ADMIN: `127.0.0.1:${cli}`,
          },
        },
        shop: { ...sample, environment: { ...sample?.environment, CALLS: `${edge}/stock/` } },
        stock: sample ?? {},
        pages: sample ?? {},
      },
    });
  });
  afterAll(async () => await stack?.down());

  test("routes answer through nginx and through Varnish, and services reach each other", async () => {
    for (const url of ["/shop/", "/stock/", "/pages/"].flatMap(routes)) {
      await until(`${url} answers`, async () => (await request(url)).status === 200, PATIENCE);
    }
    const { body } = await request(`${cache}/shop/calls`);
    expect(JSON.parse(body)).toMatchObject({ name: "shop", called: { name: "stock" } });
  });

  test("its containers are healthy: /ready says so", async () => {
    await stack.untilHealthy("consul", "edge", "cache");
  });

  test("scaled up and down, killed and paused: the routes follow, and no request fails", async () => {
    const traffic = startTraffic([...routes("/shop/"), ...routes("/stock/")]);
    await stack.scale("stock", 3);
    await bothHave(3);
    await stack.scale("stock", 2);
    await bothHave(2);
    await stack.scale("stock", 3);
    await bothHave(3);

    const [first = "", second = ""] = await stack.containers("stock");
    await docker(["kill", first]);
    await bothHave(2);
    await docker(["pause", second]);
    await bothHave(1);
    await docker(["unpause", second]);
    await bothHave(2);
    const { answered, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(200);
  });

  test.each([
    ["stock", "edge"],
    ["consul", "cache"],
    ["edge", "consul"],
    ["cache", "edge"],
  ])("restarted %s, then %s: the current routes are served", async (one, other) => {
    for (const service of [one, other]) {
      const [container = ""] = await stack.containers(service);
      await docker(["restart", "--time", "10", container]);
    }
    const before = (await stack.containers("stock")).length;
    await stack.scale("stock", before + 1);
    await stack.scale("stock", 2);
    await bothHave(2);
  });

  test("killed at once and started again, all serve the current routes", async () => {
    const all = (await Promise.all(["consul", "edge", "cache"].map(stack.containers))).flat();
    await docker(["kill", ...all]);
    await stack.scale("stock", 1);
    await docker(["start", ...all.toReversed()]);
    await bothHave(1);
  });

  test.each(["stock", "edge", "cache"])(
    "%s ends within its grace, with exit code 0",
    async (service) => {
      const [container = ""] = await stack.containers(service);
      const startedAt = performance.now();
      await docker(["stop", "--time", "10", container]);
      expect(performance.now() - startedAt).toBeLessThan(9_000);
      expect((await stateOf(container)).ExitCode).toBe(0);
    },
  );

  async function bothHave(count: number): Promise<void> {
    for (const url of routes("/stock/")) {
      await until(
        `${count} instances answer ${url}`,
        async () => {
          const instances = await instancesAt(url);
          if (instances.size === count && ![...instances].some((it) => it.startsWith("status")))
            return true;
          throw new Error([...instances].join());
        },
        PATIENCE,
      );
    }
  }
});
