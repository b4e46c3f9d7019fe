import { readFile, rm, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { untilAnsweredBy } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

/** A served nginx, with the path of the file that Fairlead writes. */
async function served() {
  const { nginx, url, output, start } = await startSite({
    services: ["web-1"],
    catalog: ([{ port }]) => ({ services: { web: [{ address: "127.0.0.1", port }] } }),
  });
  const fairlead = await start();
  const status = async () => (await request(`${url}/web/`).catch(() => undefined))?.status;
  await fairlead.untilResult("live");
  expect(await status()).toBe(200);
  return { fairlead, nginx, status, path: output };
}

test.each([
  ["removed", "removed", async (path: string) => await rm(path)],
  ["emptied", "changed", async (path: string) => await writeFile(path, "")],
  ["edited", "changed", async (path: string) => await writeFile(path, "# mine\n", { flag: "a" })],
])(
  "a live file that somebody %s, and nginx reloads, is noticed, named and put right",
  async (_, how, change) => {
    const { fairlead, nginx, status, path } = await served();
    const before = await readFile(path);
    const from = fairlead.log().length;
    await change(path);
    process.kill(nginx.pid(), "SIGHUP");
    const drift = await fairlead.untilLog("the drift is named", ({ drift }) => drift === how, from);
    expect(drift["path"]).toBe(path);
    await fairlead.untilResult("live", from);
    expect(await readFile(path)).toEqual(before);
    await until("it is served again", async () => (await status()) === 200);
    const reported = fairlead.log().filter((line) => line["drift"] !== undefined);
    expect(reported).toHaveLength(1);
  },
);

test("a live file that is removed while nginx restarts ends nothing: it is written and served again", async () => {
  const { fairlead, nginx, status, path } = await served();
  await rm(path);
  await nginx.startAgain();
  await until("it is served again", async () => (await status()) === 200);
  expect(fairlead.isRunning()).toBe(true);
});

test("a live VCL that is removed is written again, and goes on being served", async () => {
  const { varnish, start } = await startSite({
    varnish: {},
    services: ["web-1"],
    catalog: ([{ port }]) => ({
      services: { web: [{ address: "127.0.0.1", port, tags: ["route.path=/"] }] },
    }),
  });
  const fairlead = await start();
  await untilAnsweredBy("web-1", varnish.url);
  await fairlead.untilResult("live");
  const path = varnish.vcl;
  const before = await readFile(path);
  await rm(path);
  await fairlead.untilLog("the drift is named", ({ drift }) => drift === "removed");
  await until(
    "the file is back",
    async () => (await readFile(path).catch(() => undefined))?.equals(before) === true,
  );
  await untilAnsweredBy("web-1", varnish.url);
  expect(fairlead.isRunning()).toBe(true);
});
