import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import type { ConsulAgent } from "../helpers/start-consul.ts";
import { untilAnsweredBy, whoAnswers } from "../helpers/test-programs.ts";
import { startTraffic } from "../helpers/traffic.ts";
import { until } from "../helpers/until.ts";

test("Consul stops, comes back empty, then fills again: the routes are kept all the time", async () => {
  const site = await startSite({ services: ["web-1", "api-1"] });
  const { consul, url } = site;
  const [web, api] = site.services;
  const registerWeb = () => consul.register({ name: "web", id: "web-1", port: web.port });
  const registerApi = () => consul.register({ name: "api", id: "api-1", port: api.port });
  await registerWeb();
  await registerApi();
  const fairlead = await site.start();
  await untilAnsweredBy("web-1", `${url}/web/`);
  const before = await readFile(site.output);

  await consul.kill();
  await fairlead.untilLog("Consul is away", ({ msg }) => msg.includes("Cannot ask Consul"));
  expect(await readFile(site.output)).toEqual(before);

  await consul.startAgain();
  const held = await fairlead.untilResult("held");
  expect(held.msg).toBe(
    "held: all 2 instances vanished at once; what was lost is kept, the rest goes live",
  );
  expect(await readFile(site.output)).toEqual(before);

  const linesBefore = fairlead.log().length;
  await registerWeb();
  await until("Consul knows web again", async () =>
    (await request(`${consul.address}/v1/catalog/services`)).body.includes("web"),
  );
  await registerApi();
  await until("Consul knows api again", async () =>
    (await request(`${consul.address}/v1/catalog/services`)).body.includes("api"),
  );
  // A new service is seen after all that came before it: then nothing older is on its way any more.
  await consul.register({ name: "late", id: "late-1", port: api.port });
  await untilAnsweredBy("api-1", `${url}/late/`);
  expect(await whoAnswers(`${url}/web/`, 3)).toEqual(new Set(["web-1"]));
  expect(await whoAnswers(`${url}/api/`, 3)).toEqual(new Set(["api-1"]));
  const changes = fairlead
    .log()
    .slice(linesBefore)
    .filter(({ result }) => result === "live")
    .map(({ msg }) => msg);
  expect(changes.join()).not.toMatch(/-web|-api/);
});

describe("services that are registered again begin as critical: the routes stay until their checks have a result", () => {
  test("whether or not Fairlead saw an empty Consul, and one by one", async () => {
    const { consul, fairlead, services, url, registerAll } = await servedWithChecks();
    const traffic = startTraffic(services.map(({ name }) => `${url}/${name}/`));
    for (const isSeenEmpty of [true, false]) {
      const from = fairlead.log().length;
      const untilHeld = async (reason: string) =>
        await fairlead.untilLog(
          `it is held: ${reason}`,
          ({ result, msg }) => result === "held" && msg.includes(reason),
          from,
        );
      await consul.kill();
      for (const service of services) service.setHealthy(false);
      await consul.startAgain();
      if (isSeenEmpty) await untilHeld("vanished at once");
      await registerAll();
      await untilHeld("registered again, and not all is back");
      for (const service of services) {
        service.setHealthy(true);
        await untilPassing(consul, service.name);
      }
      await fairlead.untilLog("it is let go", (line) => line["letGo"] === "recovered", from);
    }
    const { answered, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(20);
  });

  test("also when Fairlead was not running meanwhile", async () => {
    const { consul, fairlead, services, url, registerAll, startAgain } = await servedWithChecks();
    const traffic = startTraffic(services.map(({ name }) => `${url}/${name}/`));
    await fairlead.stop();
    await consul.kill();
    for (const service of services) service.setHealthy(false);
    await consul.startAgain();
    await registerAll();
    const again = await startAgain();
    await again.untilResult("held");
    for (const service of services) service.setHealthy(true);
    await again.untilLog("it is let go", (line) => line["letGo"] === "recovered");
    expect((await traffic.stop()).failures).toEqual([]);
  });

  /** Three services that Consul checks, served by nginx. */
  async function servedWithChecks() {
    const site = await startSite({ services: ["web", "api", "pages"] });
    const { consul, services, url } = site;
    const registerAll = async () => {
      for (const { name, port } of services) {
        const checkUrl = `http://127.0.0.1:${port}/health`;
        await consul.register({ name, port, checkUrl, begins: "critical" });
      }
    };
    await registerAll();
    for (const { name } of services) await untilPassing(consul, name);
    const fairlead = await site.start();
    await fairlead.untilLog("all are served", ({ msg }) => /is live: .*3 services/.test(msg));
    return { consul, fairlead, services, url, registerAll, startAgain: site.start };
  }

  async function untilPassing(consul: ConsulAgent, name: string): Promise<void> {
    await until(`Consul has checked ${name}`, async () => {
      const { body } = await request(`${consul.address}/v1/health/service/${name}?passing`);
      return JSON.parse(body).length === 1;
    });
  }
});

test("without Consul at the start it waits, names what is missing after 5 s, and goes on when Consul comes", async () => {
  const site = await startSite({ services: ["web-1"] });
  const { consul, url } = site;
  const [web] = site.services;
  await consul.kill();
  const fairlead = await site.start();
  const line = await fairlead.untilLog("something is missing", ({ msg }) =>
    msg.startsWith("waiting for"),
  );
  expect(line).toMatchObject({
    missing: ["services"],
    missingCount: 1,
    hint: expect.stringContaining("Consul agent runs"),
  });
  await consul.startAgain();
  await consul.register({ name: "web", id: "web-1", port: web.port });
  await untilAnsweredBy("web-1", `${url}/web/`);
});
