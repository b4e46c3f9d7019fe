import { lstat, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { HistoryEntry } from "../../src/apply/state/history-store.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { until } from "../helpers/until.ts";

test("history, rollback, pause and resume, also across a restart", async () => {
  const { site, served, ...first } = await startEdge();
  let { fairlead } = first;
  const { consul, run, directory, status, adminUrl, start } = site;
  await consul.putKey("edge/text", "one");
  await until("one is served", async () => (await served()) === "one");
  await consul.putKey("edge/text", "two");
  await until("two is served", async () => (await served()) === "two");

  const listed = await run("history", "edge", "--json");
  const [{ generations }] = JSON.parse(listed.stdout) as [{ generations: HistoryEntry[] }];
  expect(generations.map(({ number, result }) => [number, result])).toEqual([
    [2, "live"],
    [1, "live"],
  ]);
  expect(generations[0]?.cause.queries).toEqual(['key "edge/text"']);
  const detail = await run("history", "edge", "2");
  expect(detail.stdout).toContain(
    '-  location / { return 200 "one"; }\n+  location / { return 200 "two"; }',
  );

  const back = await run("rollback", "edge");
  expect(back).toMatchObject({ exitCode: 0 });
  expect(back.stdout).toContain("rolled back to generation 1");
  expect(await served()).toBe("one");
  await consul.putKey("edge/text", "three");

  await fairlead.stop();
  fairlead = await start();
  await until("it is ready", async () => (await request(`${adminUrl}/ready`)).status === 200);
  expect(await served()).toBe("one");
  expect(await status()).toMatchObject({
    control: { mode: "rolled-back", generation: 1 },
    isServed: true,
  });
  expect((await run("resume", "edge")).exitCode).toBe(0);
  expect(await served()).toBe("three");

  expect((await run("pause", "edge")).stdout).toContain("paused");
  await consul.putKey("edge/text", "four");
  await until("it lags", async () => (await status()).lagMs > 0);
  expect((await run("status")).exitCode).toBe(1);
  await fairlead.stop();
  fairlead = await start();
  await until("it reconciled", async () => (await status()).result === "paused");
  expect(await served()).toBe("three");
  const metrics = (await request(`${adminUrl}/metrics`)).body;
  expect(metrics).toContain('fairlead_paused{proxy="edge"} 1\n');
  expect((await run("resume", "edge", "--json")).stdout).toContain('"result": "live"');
  expect(await served()).toBe("four");
  const reported = await run("status");
  expect(reported).toMatchObject({ exitCode: 0 });
  expect(reported.stdout).toMatch(
    /^edge \(nginx\): generation \d+ \(\w{12}\) since .* ago, served$/m,
  );

  await expectPrivate(directory.at("state"));
  await fairlead.stop();
  const unreachable = await run("status");
  expect(unreachable).toMatchObject({ exitCode: 2 });
  expect(unreachable.output).toContain("Cannot reach the daemon at");
}, 180_000);

test("a rollback passes the same check: what nginx would refuse now leaves what is served", async () => {
  const { site, served } = await startEdge();
  const { consul, run, directory } = site;
  await consul.putKey("edge/text", "one");
  await until("one is served", async () => (await served()) === "one");
  await consul.putKey("edge/text", "two");
  await until("two is served", async () => (await served()) === "two");
  const kept = directory.at("state/edge/generations/1/0");
  const text = await readFile(kept, "utf8");
  await writeFile(kept, text.slice(1));
  expect((await run("rollback", "edge", "1")).output).toContain("no generation 1");
  await writeFile(kept, text.replace("listen", "lisetn"));
  const refused = await run("rollback", "edge", "1");
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain('unknown directive "lisetn"');
  expect(await served()).toBe("two");
  expect((await run("resume", "edge")).exitCode).toBe(0);
  expect((await run("accept", "edge")).output).toContain("the guard holds none");
  expect((await run("pause", "nobody")).exitCode).toBe(2);
}, 120_000);

const TEMPLATE = (listen: string): string =>
  `server {\n  listen ${listen};\n  location / { return 200 "{{key "edge/text"}}"; }\n}\n`;

async function startEdge() {
  const site = await startSite({ template: TEMPLATE });
  const fairlead = await site.start();
  return { site, fairlead, served: async () => (await request(site.url)).body };
}

async function expectPrivate(directory: string): Promise<void> {
  // What nginx's configuration lies beside is linked there, in a directory that only this user may enter.
  const check = join(directory, "edge", "check");
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink() && entry.parentPath === check) continue;
    if (entry.isSocket()) continue; // the lock's, in a directory of its own
    const { mode } = await lstat(join(entry.parentPath, entry.name));
    expect([entry.name, (mode & 0o077).toString(8)]).toEqual([entry.name, "0"]);
  }
}
