import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { until } from "../helpers/until.ts";

test("files that people wrote by hand are kept as generation 0 at a first start, and rollback brings them back", async () => {
  const answering = (listen: string, text: string): string =>
    `server { listen ${listen}; return 200 "${text}"; }\n`;
  const site = await startSite({ catalog: {}, template: (listen) => answering(listen, "ours") });
  const { nginx, url, output: path, run } = site;
  const byHand = `# by hand: é\n${answering(site.listen, "mine")}`;
  await writeFile(path, byHand);
  await nginx.startAgain();
  const fairlead = await site.start();
  const body = async () => (await request(url).catch(() => undefined))?.body;
  await until("the rendered file is served", async () => (await body()) === "ours");
  const kept = await fairlead.untilLog("it is said", ({ generation }) => generation === 0);
  expect(kept.msg).toContain(path);
  expect(kept.hint).toContain("rollback");

  expect((await run("history", "edge")).stdout).toContain("files that were there before Fairlead");
  expect((await run("rollback", "edge")).exitCode).toBe(0);
  expect(await body()).toBe("mine");
  expect(await readFile(path, "utf8")).toBe(byHand);
  expect((await run("resume", "edge")).exitCode).toBe(0);
  await until("the rendered file is served again", async () => (await body()) === "ours");
});

test("a file that is no text in UTF-8 is kept as a copy", async () => {
  const site = await startSite({ catalog: {}, template: "# ours\n" });
  const byHand = Buffer.concat([Buffer.from("# latin-1: "), Buffer.from([0xe9, 0x0a])]);
  await writeFile(site.output, byHand);
  const fairlead = await site.start();
  const { path: copy } = await fairlead.untilLog("it is said", ({ msg }) => msg.includes("UTF-8"));
  expect(await readFile(String(copy))).toEqual(byHand);
});
