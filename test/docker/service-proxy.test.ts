import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { startTraffic } from "../helpers/traffic.ts";
import { until } from "../helpers/until.ts";
import { docker } from "./docker.ts";
import { ordersOf } from "./orders.ts";
import { type ServiceProxyStack, startServiceProxies } from "./service-proxy-stack.ts";
import { beginSlow, killOneAndPauseOne, PATIENCE, untilInstances } from "./traffic.ts";

/* compose.yaml: the tests follow each other on one stack. */

describe("compose.yaml", () => {
  let stack: ServiceProxyStack["stack"];
  let consul: ServiceProxyStack["consul"];
  let urls: ServiceProxyStack["urls"];
  const routes = (path: string) => Object.values(urls).map((url) => `${url}${path}`);

  beforeAll(async () => {
    ({ stack, consul, urls } = await startServiceProxies());
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await stack.showLogs();
  });
  afterAll(async () => await stack?.down());

  test("routes answer through nginx and through Varnish, and services reach each other", async () => {
    for (const url of ["/shop/", "/stock/", "/pages/"].flatMap(routes)) {
      await until(`${url} answers`, async () => (await request(url)).status === 200, PATIENCE);
    }
    const { body } = await request(`${urls.cache}/shop/calls`);
    expect(JSON.parse(body)).toMatchObject({ name: "shop", called: { name: "stock" } });
  });

  test("its containers are healthy", async () => {
    await stack.untilHealthy("consul", "edge", "cache", "shop", "pages");
  });

  test("scaled up and down, killed and paused: the routes follow, and no request fails", async () => {
    const traffic = startTraffic([...routes("/shop/"), ...routes("/stock/")]);
    await stack.scale("stock", 3);
    await untilInstances(3, routes("/stock/"));
    await killOneAndPauseOne(await stack.containers("stock"), routes("/stock/"));
    await stack.scale("stock", 2);
    await untilInstances(2, routes("/stock/"));
    const { answered, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(200);
  });

  describe("restarted", () => {
    beforeAll(async () => {
      await stack.scale("stock", 3);
      await untilInstances(3, routes("/stock/"));
    });

    test.each(ordersOf(["consul", "edge", "cache", "stock"]))(
      "%s, %s, %s, %s: the current routes are served",
      async (...order) => {
        const [killed = "", ...others] = await stack.containers("stock");
        for (const service of order) {
          await stack.restart(service === "stock" ? others : await stack.containers(service));
        }
        await docker(["kill", killed]);
        await untilInstances(2, routes("/stock/"));
        await docker(["start", killed]);
        await untilInstances(3, routes("/stock/"));
      },
    );
  });

  test("killed at once and started again, all serve the current routes", async () => {
    const all = (await Promise.all(["consul", "edge", "cache"].map(stack.containers))).flat();
    await docker(["kill", ...all]);
    await stack.scale("stock", 2);
    await docker(["start", ...all.toReversed()]);
    await untilInstances(2, routes("/stock/"));
  });

  describe("ended", () => {
    // Requests go on while services register again in a Consul that was started empty, and it checks them.
    beforeAll(async () => {
      const traffic = startTraffic(routes("/stock/"));
      for (const service of ["shop", "stock", "pages"]) {
        const url = `${consul}/v1/health/service/${service}?passing`;
        const isKnown = async () => JSON.parse((await request(url)).body).length > 0;
        await until(`Consul knows that ${service} is healthy`, isKnown, PATIENCE);
      }
      expect((await traffic.stop()).failures).toEqual([]);
    });

    test.each([
      { services: ["pages", "stock", "shop"], paths: ["/pages/", "/stock/", "/shop/"] },
      { services: ["consul"], paths: ["/stock/"] },
      { services: ["edge"], paths: ["/stock/"] },
      { services: ["cache"], paths: ["/stock/"] },
    ])(
      "$services: ended within the grace with exit code 0, and no request is lost",
      async ({ services, paths }) => {
        const isEdgeGone = services.includes("cache");
        const left = Object.entries(urls).filter(([name]) => name !== "edge" || !isEdgeGone);
        const others = left.filter(([name]) => !services.includes(name));
        const traffic = startTraffic(others.map(([, url]) => `${url}/stock/`));
        const asked = left.flatMap(([, url]) => paths.map((path) => `${url}${path}`));
        const underWay = await Promise.all(asked.map(beginSlow));
        expect(await stack.stopOneOfEach(services)).toEqual(services.map(() => 0));
        for (const { rest } of underWay) expect(await rest).toContain("slow/1000");
        expect((await traffic.stop()).failures).toEqual([]);
      },
    );
  });
});
