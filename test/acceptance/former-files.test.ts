import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import { nginxProxy, testDirectory, testFairlead, testNginx } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

test("files that people wrote by hand are kept as generation 0 at a first start, and rollback brings them back", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const port = await freePort();
  const path = join(nginx.confDirectory, "site.conf");
  const byHand = `# by hand: é\nserver { listen 127.0.0.1:${port}; return 200 "mine"; }\n`;
  await writeFile(path, byHand);
  await nginx.startAgain();
  await writeFile(
    directory.at("site.hbs"),
    `server { listen 127.0.0.1:${port}; return 200 "ours"; }\n`,
  );
  await writeFile(directory.at("catalog.yaml"), "services: {}\n");
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [nginxProxy(nginx, { files: [{ template: directory.at("site.hbs"), path }] })],
  });
  const body = async () =>
    (await request(`http://127.0.0.1:${port}/`).catch(() => undefined))?.body;
  await until("the rendered file is served", async () => (await body()) === "ours");
  const kept = await fairlead.untilLog("it is said", ({ generation }) => generation === 0);
  expect(kept.msg).toContain(path);
  expect(kept.hint).toContain("rollback");

  const config = directory.at("fairlead.yaml");
  const run = (...args: string[]) => runFairlead([...args, "-c", config]);
  expect((await run("history", "edge")).stdout).toContain("files that were there before Fairlead");
  expect((await run("rollback", "edge")).exitCode).toBe(0);
  expect(await body()).toBe("mine");
  expect(await readFile(path, "utf8")).toBe(byHand);
  expect((await run("resume", "edge")).exitCode).toBe(0);
  await until("the rendered file is served again", async () => (await body()) === "ours");
});

test("a file that is no text in UTF-8 is kept as a copy", async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const path = join(nginx.confDirectory, "site.conf");
  const byHand = Buffer.concat([Buffer.from("# latin-1: "), Buffer.from([0xe9, 0x0a])]);
  await writeFile(path, byHand);
  await writeFile(directory.at("site.hbs"), "# ours\n");
  await writeFile(directory.at("catalog.yaml"), "services: {}\n");
  const fairlead = await testFairlead(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [nginxProxy(nginx, { files: [{ template: directory.at("site.hbs"), path }] })],
  });
  const { path: copy } = await fairlead.untilLog("it is said", ({ msg }) => msg.includes("UTF-8"));
  expect(await readFile(String(copy))).toEqual(byHand);
});
