import { lstat, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { HistoryEntry } from "../../src/apply/state/history-store.ts";
import { adminStatus, adminUrl } from "../helpers/admin-address.ts";
import { request } from "../helpers/request.ts";
import { runFairlead, startFairlead } from "../helpers/start-fairlead.ts";
import {
  listenAddress,
  nginxProxy,
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

test("history, rollback, pause and resume, also across a restart", async () => {
  const stage = await startStage();
  const { consul, command, config, served, url } = stage;
  let { fairlead } = stage;
  await consul.putKey("edge/text", "one");
  await until("one is served", async () => (await served()) === "one");
  await consul.putKey("edge/text", "two");
  await until("two is served", async () => (await served()) === "two");

  const listed = await command("history", "edge", "--json");
  const [{ generations }] = JSON.parse(listed.stdout) as [{ generations: HistoryEntry[] }];
  expect(generations.map(({ number, result }) => [number, result])).toEqual([
    [2, "live"],
    [1, "live"],
  ]);
  expect(generations[0]?.cause.queries).toEqual(['key "edge/text"']);
  const detail = await command("history", "edge", "2");
  expect(detail.stdout).toContain(
    '-  location / { return 200 "one"; }\n+  location / { return 200 "two"; }',
  );

  const back = await command("rollback", "edge");
  expect(back).toMatchObject({ exitCode: 0 });
  expect(back.stdout).toContain("rolled back to generation 1");
  expect(await served()).toBe("one");
  await consul.putKey("edge/text", "three");

  await fairlead.stop();
  fairlead = await stage.start();
  await until("it is ready", async () => (await request(`${url}/ready`)).status === 200);
  expect(await served()).toBe("one");
  expect(await adminStatus(url)).toMatchObject({
    control: { mode: "rolled-back", generation: 1 },
    isServed: true,
  });
  expect((await command("resume", "edge")).exitCode).toBe(0);
  expect(await served()).toBe("three");

  expect((await command("pause", "edge")).stdout).toContain("paused");
  await consul.putKey("edge/text", "four");
  await until("it lags", async () => (await adminStatus(url)).lagMs > 0);
  expect((await command("status")).exitCode).toBe(1);
  await fairlead.stop();
  fairlead = await stage.start();
  await until("it looked", async () => (await adminStatus(url)).result === "paused");
  expect(await served()).toBe("three");
  const metrics = (await request(`${url}/metrics`)).body;
  expect(metrics).toContain('fairlead_paused{proxy="edge"} 1\n');
  expect((await command("resume", "edge", "--json")).stdout).toContain('"result": "live"');
  expect(await served()).toBe("four");
  const status = await command("status");
  expect(status).toMatchObject({ exitCode: 0 });
  expect(status.stdout).toMatch(
    /^edge \(nginx\): generation \d+ \(\w{12}\) since .* ago, served$/m,
  );

  await expectPrivate(join(config, "..", "state"));
  await fairlead.stop();
  const unreachable = await command("status");
  expect(unreachable).toMatchObject({ exitCode: 2 });
  expect(unreachable.output).toContain("Cannot ask the daemon at");
}, 180_000);

test("a rollback passes the same check: what nginx would refuse now leaves what is served", async () => {
  const { consul, command, directory, served } = await startStage();
  await consul.putKey("edge/text", "one");
  await until("one is served", async () => (await served()) === "one");
  await consul.putKey("edge/text", "two");
  await until("two is served", async () => (await served()) === "two");
  const kept = directory.at("state/edge/generations/1/0");
  const text = await readFile(kept, "utf8");
  await writeFile(kept, text.slice(1));
  expect((await command("rollback", "edge", "1")).output).toContain("no generation 1");
  await writeFile(kept, text.replace("listen", "lisetn"));
  const refused = await command("rollback", "edge", "1");
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain('unknown directive "lisetn"');
  expect(await served()).toBe("two");
  expect((await command("resume", "edge")).exitCode).toBe(0);
  expect((await command("accept", "edge")).output).toContain("the guard holds none");
  expect((await command("pause", "nobody")).exitCode).toBe(2);
}, 120_000);

async function startStage() {
  const directory = await testDirectory();
  const [consul, nginx] = await Promise.all([testConsul(), testNginx(directory)]);
  const { listen, url: edge } = await listenAddress();
  await writeFile(
    directory.at("site.hbs"),
    `server {\n  listen ${listen};\n  location / { return 200 "{{key "edge/text"}}"; }\n}\n`,
  );
  const files = [{ template: "site.hbs", path: `${nginx.confDirectory}/site.conf` }];
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [nginxProxy(nginx, { files })],
  });
  const config = directory.at("fairlead.yaml");
  const stage = {
    directory,
    consul,
    fairlead,
    config,
    url: await adminUrl(directory),
    command: async (...args: string[]) => await runFairlead([...args, "-c", config]),
    served: async () => (await request(edge)).body,
    async start() {
      const started = await startFairlead(["run", "-c", config]);
      ends.push(started);
      return started;
    },
  };
  const ends = [fairlead];
  onTestFinished(async () => {
    for (const it of ends) await it.stop();
  });
  return stage;
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
