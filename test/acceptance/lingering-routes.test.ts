import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import {
  listenAddress,
  nginxProxy,
  testDirectory,
  testFairlead,
  testNginx,
  testService,
  whoAnswers,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

test("the route of a service that was deregistered altogether answers 503 for a while, and no wider route instead", async () => {
  const directory = await testDirectory();
  const [nginx, site, shop] = await Promise.all([
    testNginx(directory),
    testService("site-1"),
    testService("shop-1"),
  ]);
  const { listen, url } = await listenAddress();
  const wide = { address: "127.0.0.1", port: site.port, tags: ["route.path=/"] };
  const narrow = { address: "127.0.0.1", port: shop.port, tags: ["route.path=/shop"] };
  const write = (services: object) =>
    writeFile(directory.at("catalog.yaml"), JSON.stringify({ services }));
  await write({ site: [wide], shop: [narrow] });
  const config = (linger: string) => ({
    catalog: { file: "catalog.yaml" },
    values: { nginx: { listen } },
    routes: { linger },
    proxies: [nginxProxy(nginx)],
  });
  const fairlead = await testFairlead(directory, config("4s"));
  await until("the shop is served", async () =>
    (await whoAnswers(`${url}/shop/`, 1)).has("shop-1"),
  );

  await write({ site: [wide] });
  const { headers } = await until("the shop answers 503", async () => {
    const answer = await request(`${url}/shop/`);
    return answer.status === 503 ? answer : undefined;
  });
  expect(headers["retry-after"]).toBeDefined();
  expect(await whoAnswers(`${url}/`, 2)).toEqual(new Set(["site-1"]));
  const before = Date.now();
  await until("the wider route answers in the end", async () =>
    (await whoAnswers(`${url}/shop/`, 1)).has("site-1"),
  );
  expect(Date.now() - before).toBeGreaterThan(500);

  await write({ site: [wide], shop: [narrow] });
  await until("the shop is back", async () => (await whoAnswers(`${url}/shop/`, 1)).has("shop-1"));
  await write({ site: [wide] });
  await until(
    "the shop answers 503 again",
    async () => (await request(`${url}/shop/`)).status === 503,
  );
  const heir = { ...narrow, tags: ["route.path=/shop"] };
  await write({ site: [wide], boutique: [heir] });
  await until("another service that claims the place takes it at once", async () =>
    (await whoAnswers(`${url}/shop/`, 1)).has("shop-1"),
  );
  expect(fairlead.isRunning()).toBe(true);
});

test("it lingers across a restart", async () => {
  const directory = await testDirectory();
  const [nginx, site] = await Promise.all([testNginx(directory), testService("site-1")]);
  const { listen, url } = await listenAddress();
  const at = (path: string) => ({
    address: "127.0.0.1",
    port: site.port,
    tags: [`route.path=${path}`],
  });
  const write = (services: object) =>
    writeFile(directory.at("catalog.yaml"), JSON.stringify({ services }));
  await write({ site: [at("/")], shop: [at("/shop")] });
  const config = {
    catalog: { file: "catalog.yaml" },
    values: { nginx: { listen } },
    proxies: [nginxProxy(nginx)],
  };
  const first = await testFairlead(directory, config);
  await until("the shop is served", async () =>
    (await whoAnswers(`${url}/shop/`, 1)).has("site-1"),
  );
  await write({ site: [at("/")] });
  await until("the shop answers 503", async () => (await request(`${url}/shop/`)).status === 503);
  await first.untilLog("it is live", ({ change }) => String(change).includes("-shop"));
  await first.stop("SIGTERM");
  const again = await testFairlead(directory, config);
  await write({ site: [at("/")], late: [at("/late")] });
  await until("the next change is served", async () =>
    (await whoAnswers(`${url}/late/`, 1)).has("site-1"),
  );
  expect((await request(`${url}/shop/`)).status).toBe(503);
  expect(again.isRunning()).toBe(true);
});
