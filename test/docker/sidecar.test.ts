import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { until } from "../helpers/until.ts";
import { docker, stateOf } from "./docker.ts";
import { type SidecarStack, startSidecars } from "./sidecar-stack.ts";
import { instancesAt, PATIENCE, startTraffic } from "./traffic.ts";

/* compose.sidecar.yaml: the tests follow each other on one stack. */

describe("compose.sidecar.yaml", () => {
  let stack: SidecarStack["stack"];
  let urls: SidecarStack["urls"];

  beforeAll(async () => {
    ({ stack, urls } = await startSidecars());
  });
  afterAll(async () => await stack?.down());

  test("each way of being told serves the routes, with a proof of its own kind", async () => {
    await allHave(1);
    expect(await stack.logs("nginx-fairlead")).toMatch(/new workers? of master 1\b/);
    expect(await stack.logs("nginx-apart-fairlead")).toContain("/__fairlead/generation answers");
    expect(await stack.logs("varnish-fairlead")).toContain("is active in varnishd");
  });

  test("the routes follow, and no request fails", async () => {
    const traffic = startTraffic(Object.values(urls));
    await stack.scale("web", 3);
    await allHave(3);
    await stack.scale("web", 1);
    await allHave(1);
    expect((await traffic.stop()).failures).toEqual([]);
  });

  test("the socket passes that one signal, and nothing else of Docker's API", async () => {
    const [socket = ""] = await stack.containers("docker-signal");
    const asked = await docker(["logs", socket]);
    expect(asked).toMatch(/POST.*kill\?signal=HUP","status":204/);
    const [sidecar = ""] = await stack.containers("nginx-apart-fairlead");
    const listing = `require("http").get({ socketPath: "/run/docker-signal/docker.sock", path: "/containers/json" }, (r) => console.log(r.statusCode))`;
    expect(await docker(["exec", sidecar, "node", "-e", listing])).toBe("403");
  });

  test.each([
    ["nginx", "nginx-fairlead"],
    ["nginx-apart-fairlead", "nginx-apart"],
    ["varnish", "varnish-fairlead"],
    ["varnish-fairlead", "varnish"],
  ])("restarted %s, then %s: the current routes are served", async (one, other) => {
    for (const service of [one, other]) {
      const [container = ""] = await stack.containers(service);
      await docker(["restart", "--time", "10", container]);
    }
    await stack.scale("web", 2);
    await allHave(2);
    await stack.scale("web", 1);
    await allHave(1);
  });

  test.each(["nginx-fairlead", "nginx-apart-fairlead", "varnish-fairlead", "docker-signal"])(
    "%s ends within its grace with exit code 0, and what it kept up goes on",
    async (service) => {
      const [container = ""] = await stack.containers(service);
      const startedAt = performance.now();
      await docker(["stop", "--time", "10", container]);
      expect(performance.now() - startedAt).toBeLessThan(9_000);
      expect((await stateOf(container)).ExitCode).toBe(0);
      for (const url of Object.values(urls)) expect((await request(url)).status).toBe(200);
    },
  );

  async function allHave(count: number): Promise<void> {
    for (const [name, url] of Object.entries(urls)) {
      await until(
        `${count} instances answer through ${name}`,
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
