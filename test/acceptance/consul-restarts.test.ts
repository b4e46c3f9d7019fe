import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import {
  listenAddress,
  nginxProxy,
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
  testService,
  whoAnswers,
} from "../helpers/stage.ts";
import { until } from "../helpers/until.ts";

test("Consul stops, comes back empty, then fills again: the routes are kept all the time", async () => {
  const directory = await testDirectory();
  const [consul, nginx, web, api] = await Promise.all([
    testConsul(),
    testNginx(directory),
    testService("web-1"),
    testService("api-1"),
  ]);
  const { listen, url } = await listenAddress();
  const registerWeb = () => consul.register({ name: "web", id: "web-1", port: web.port });
  const registerApi = () => consul.register({ name: "api", id: "api-1", port: api.port });
  await registerWeb();
  await registerApi();
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [nginxProxy(nginx)],
    values: { nginx: { listen } },
  });
  await until("the routes are served", async () =>
    (await whoAnswers(`${url}/web/`, 1)).has("web-1"),
  );
  const path = join(nginx.confDirectory, "services.conf");
  const before = await readFile(path);

  await consul.kill();
  await fairlead.untilLog("Consul is away", ({ msg }) => msg.includes("Cannot ask Consul"));
  expect(await readFile(path)).toEqual(before);

  await consul.startAgain();
  const held = await fairlead.untilLog("the empty catalog is held", ({ fate }) => fate === "held");
  expect(held.msg).toBe("held: all 2 instances vanished at once; the live configuration stays");
  expect(await readFile(path)).toEqual(before);

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
  await until("the new service is served", async () =>
    (await whoAnswers(`${url}/late/`, 1)).has("api-1"),
  );
  expect(await whoAnswers(`${url}/web/`, 3)).toEqual(new Set(["web-1"]));
  expect(await whoAnswers(`${url}/api/`, 3)).toEqual(new Set(["api-1"]));
  const changes = fairlead
    .log()
    .slice(linesBefore)
    .filter(({ fate }) => fate === "live")
    .map(({ msg }) => msg);
  expect(changes.join()).not.toMatch(/-web|-api/);
});

test("without Consul at the start it waits, names what is missing after 5 s, and goes on when Consul comes", async () => {
  const directory = await testDirectory();
  const [consul, nginx, web] = await Promise.all([
    testConsul(),
    testNginx(directory),
    testService("web-1"),
  ]);
  const { listen, url } = await listenAddress();
  await consul.kill();
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [nginxProxy(nginx)],
    values: { nginx: { listen } },
  });
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
  await until("the route is served", async () => (await whoAnswers(`${url}/web/`, 1)).has("web-1"));
});
