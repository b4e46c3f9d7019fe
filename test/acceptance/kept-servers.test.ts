import { readFile, writeFile } from "node:fs/promises";
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
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

/*
 * What stays in force never points at a server that the catalog now gives to another service, and it stays across a restart.
 */

test("while a loss is held, a server whose address another service has now is dropped at once", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const [pages, shop, api] = await Promise.all(["pages-1", "shop-1", "api-1"].map(testService));
  if (pages === undefined || shop === undefined || api === undefined) throw new Error("no service");
  const { listen, url } = await listenAddress();
  const at = (port: number, id: string) => ({ id, address: "127.0.0.1", port });
  const write = (services: object) =>
    writeFile(directory.at("catalog.yaml"), JSON.stringify({ services }));
  await write({
    api: [at(api.port, "api-1")],
    pages: [at(pages.port, "pages-1")],
    shop: [at(shop.port, "shop-1")],
  });
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    values: { nginx: { listen } },
    proxies: [nginxProxy(nginx)],
  });
  const who = async (name: string) => await whoAnswers(`${url}/${name}/`, 3);
  await until("all are served", async () => (await who("shop")).has("shop-1"));

  await write({});
  await fairlead.untilLog("the loss is held", ({ result }) => result === "held");
  expect(await who("shop")).toEqual(new Set(["shop-1"]));

  // The container of pages comes back first, and has the address that the one of shop had.
  const from = fairlead.log().length;
  await write({ pages: [at(shop.port, "pages-2")] });
  const dropped = await fairlead.untilLog(
    "it is named",
    ({ server }) => server !== undefined,
    from,
  );
  expect(dropped["server"]).toBe(`shop 127.0.0.1:${shop.port}`);
  await until("shop is not answered by it", async () => {
    const names = await who("shop"); // an old worker may answer one more time
    return names.size === 1 && names.has("status 503");
  });
  expect(await who("api")).toEqual(new Set(["api-1"]));

  await write({
    api: [at(api.port, "api-2")],
    pages: [at(shop.port, "pages-2")],
    shop: [at(pages.port, "shop-2")],
  });
  await until("shop is served from its new address", async () =>
    (await who("shop")).has("pages-1"),
  );
  await until("pages is served from its own alone", async () => {
    const names = await who("pages");
    return names.size === 1 && names.has("shop-1");
  });
});

test("two services at one address and port are named, once, and in the status", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const { listen } = await listenAddress();
  const at = { address: "127.0.0.1", port: 9 };
  await writeFile(
    directory.at("catalog.yaml"),
    JSON.stringify({ services: { a: [at], b: [at, { ...at, port: 10 }] } }),
  );
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    values: { nginx: { listen } },
    proxies: [nginxProxy(nginx)],
  });
  const shared = await fairlead.untilLog("it is named", ({ services }) => services !== undefined);
  expect(shared).toMatchObject({ address: "127.0.0.1:9", services: ["a", "b"] });
});

test("another datacenter cannot be reached while Fairlead restarts: its last answers stay in force, changes of this one go live", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const { listen, url } = await listenAddress();
  const consul = await testConsul({ host: "127.0.0.2" });
  const other = await testConsul({
    host: "127.0.0.3",
    datacenter: "dc2",
    joinWan: consul.wanAddress,
  });
  await consul.register({ name: "web", id: "web-1", port: 1 });
  await other.register({ name: "far", id: "far-1", port: 2 });
  await writeFile(
    directory.at("site.hbs"),
    `server { listen ${listen}; return 200 "{{#each (service "web")}}{{id}} {{/each}}|{{#each (service "far@dc2")}}{{id}} {{/each}}"; }\n`,
  );
  const config = {
    consul: { address: consul.address },
    proxies: [
      nginxProxy(nginx, {
        files: [
          { template: directory.at("site.hbs"), path: join(nginx.confDirectory, "site.conf") },
        ],
      }),
    ],
  };
  const body = async () => (await request(url).catch(() => undefined))?.body;
  const first = await testFairlead(directory, config);
  await until("both are served", async () => (await body()) === "web-1 |far-1 ");
  await until("the answers are saved", async () => {
    const saved = await readFile(directory.at("state/snapshot.json"), "utf8").catch(() => "");
    return saved.includes("far-1") && saved.includes("web-1");
  });
  await first.stop("SIGTERM");

  await other.kill();
  const again = await testFairlead(directory, config);
  await consul.register({ name: "web", id: "web-2", port: 3 });
  await until(
    "the change of this datacenter is live",
    async () => (await body()) === "web-1 web-2 |far-1 ",
  );
  await again.untilLog("it is named", ({ query }) => query === "service far@dc2");

  await other.startAgain();
  await other.register({ name: "far", id: "far-2", port: 4 });
  await until(
    "the other datacenter is current again",
    async () => (await body()) === "web-1 web-2 |far-2 ",
  );
});
