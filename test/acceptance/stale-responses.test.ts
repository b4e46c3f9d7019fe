import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import {
  testConsul,
  testDirectory,
  testFairlead,
  testService,
  testVarnish,
  varnishProxy,
  whoAnswers,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

test.each([
  ["one VCL", "off"],
  ["groups", 3],
])(
  "with %s: a service without a healthy instance is served from the cache, what was never cached answers 503",
  async (_, groups) => {
    const directory = await testDirectory();
    const [consul, varnish, web] = await Promise.all([
      testConsul(),
      testVarnish(directory),
      testService("web"),
    ]);
    await consul.register({ name: "web", id: "web", port: web.port });
    const fairlead = await testFairlead(directory, {
      consul: { address: consul.address },
      proxies: [varnishProxy(varnish, { groups })],
    });
    const at = (path: string) => `${varnish.url}/web${path}`;
    await until("it is served", async () => (await whoAnswers(at("/"), 1)).has("web"));
    const cached = await request(at("/cached/1"));
    expect(cached.status).toBe(200);

    const from = fairlead.log().length;
    await consul.setHealth("web", "fail");
    await fairlead.untilLog("the change is live", ({ result }) => result === "live", from);
    await until("the page is stale", async () => {
      const { status, headers } = await request(at("/cached/1"));
      expect(status).toBe(200);
      return Number(headers["age"]) > 1;
    });
    const asked = web.requests();
    for (let i = 0; i < 5; i += 1) {
      expect((await request(at("/cached/1"))).body).toBe(cached.body);
    }
    for (const options of [{}, { method: "POST" }, { headers: { cookie: "a=b" } }]) {
      expect(await request(at("/never"), options)).toMatchObject({
        status: 503,
        headers: { "retry-after": "5" },
        body: "no healthy instance\n",
      });
    }
    const websocket = { connection: "Upgrade", upgrade: "websocket" };
    expect((await request(at("/cached/1"), { headers: websocket })).status).toBe(503);
    expect(web.requests()).toBe(asked);

    await consul.setHealth("web", "pass");
    await until("it is asked again", async () => {
      await request(at("/cached/1"));
      return web.requests() > asked;
    });
  },
);

test("a page that the service cannot refresh stays until its grace ends", async () => {
  const directory = await testDirectory();
  const [consul, varnish, web] = await Promise.all([
    testConsul(),
    testVarnish(directory),
    testService("web"),
  ]);
  await consul.register({ name: "web", id: "web", port: web.port });
  await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [varnishProxy(varnish)],
  });
  const url = `${varnish.url}/web/cached/1`;
  await until("it is cached", async () => (await request(url)).status === 200);
  await web.stop();
  await until("the page is stale for three seconds", async () => {
    const { status, headers } = await request(url);
    expect(status).toBe(200);
    return Number(headers["age"]) > 4;
  });
});
