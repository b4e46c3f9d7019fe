import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startTraffic } from "../helpers/traffic.ts";
import { docker } from "./docker.ts";
import { ordersOf } from "./orders.ts";
import { type SidecarStack, startSidecars } from "./sidecar-stack.ts";
import { beginSlow, killOneAndPauseOne, untilInstances } from "./traffic.ts";

/* compose.sidecar.yaml: the tests follow each other on one stack. */

/** What is restarted together. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  nginx: ["nginx", "nginx-apart"],
  Varnish: ["varnish"],
  Consul: ["consul"],
  Fairlead: ["nginx-fairlead", "nginx-apart-fairlead", "varnish-fairlead"],
};

describe("compose.sidecar.yaml", () => {
  let stack: SidecarStack["stack"];
  let urls: SidecarStack["urls"];
  const stopped = new Set<string>();
  const routes = () => Object.values(urls).map((url) => `${url}/web/`);

  beforeAll(async () => {
    ({ stack, urls } = await startSidecars());
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") await stack.showLogs();
  });
  afterAll(async () => await stack?.down());

  test("each way of reloading serves the routes, with a proof of its own kind", async () => {
    await untilInstances(1, routes());
    expect(await stack.logs("nginx-fairlead")).toMatch(/new workers? of master 1\b/);
    expect(await stack.logs("nginx-apart-fairlead")).toContain("/__fairlead/generation answers");
    expect(await stack.logs("varnish-fairlead")).toContain("is active in varnishd");
  });

  test("its containers are healthy", async () => {
    await stack.untilHealthy(...Object.values(PARTS).flat(), "docker-signal");
  });

  test("scaled up and down, killed and paused: the routes follow, and no request fails", async () => {
    const traffic = startTraffic(routes());
    await stack.scale("web", 3);
    await untilInstances(3, routes());
    await killOneAndPauseOne(await stack.containers("web"), routes());
    await stack.scale("web", 2);
    await untilInstances(2, routes());
    const { answered, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(200);
  });

  test("the socket passes that one signal, and nothing else of Docker's API", async () => {
    expect(await stack.logs("docker-signal")).toMatch(/POST.*kill\?signal=HUP","status":204/);
    const [sidecar = ""] = await stack.containers("nginx-apart-fairlead");
    const listing = `require("http").get({ socketPath: "/run/docker-signal/docker.sock", path: "/containers/json" }, (r) => console.log(r.statusCode))`;
    expect(await docker(["exec", sidecar, "node", "-e", listing])).toBe("403");
  });

  describe("restarted", () => {
    beforeAll(async () => {
      await stack.scale("web", 2);
      await untilInstances(2, routes());
    });

    test.each(ordersOf(["nginx", "Varnish", "Consul", "Fairlead"]))(
      "%s, %s, %s, %s: the current routes are served",
      async (...order) => {
        for (const part of order) {
          const containers = (PARTS[part] ?? []).map(stack.containers);
          await stack.restart((await Promise.all(containers)).flat());
        }
        const [killed = ""] = await stack.containers("web");
        await docker(["kill", killed]);
        await untilInstances(1, routes());
        await docker(["start", killed]);
        await untilInstances(2, routes());
      },
    );
  });

  test.each([
    { services: ["docker-signal", ...(PARTS["Fairlead"] ?? [])] },
    { services: ["consul"] },
    { services: ["nginx", "nginx-apart"] },
    { services: ["varnish"] },
    { services: ["web"] },
  ])(
    "$services: ended within the grace with exit code 0, and no request is lost",
    async ({ services }) => {
      const running = Object.entries(urls).filter(([name]) => !stopped.has(name));
      const others = running.filter(([name]) => !services.includes(name));
      const traffic = startTraffic(others.map(([, url]) => `${url}/web/`));
      const underWay = await Promise.all(running.map(([, url]) => beginSlow(`${url}/web/`)));
      expect(await stack.stopOneOfEach(services)).toEqual(services.map(() => 0));
      for (const service of services) stopped.add(service);
      for (const { rest } of underWay) expect(await rest).toContain("slow/1000");
      expect((await traffic.stop()).failures).toEqual([]);
    },
  );
});
