import { readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { adminStatus, adminUrl } from "../helpers/admin-address.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import { testConsul, testDirectory, testFairlead } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

test("a start without Consul uses the last known good catalog, and Consul's own replaces it all at once", async () => {
  const directory = await testDirectory();
  const consul = await testConsul();
  const names = ["a", "b", "c"];
  const register = async (port: number) => {
    for (const name of names) await consul.register({ name, id: name, port });
  };
  await register(1);
  await writeFile(
    directory.at("list.hbs"),
    "{{#each (services)}}{{#each (service name)}}{{name}}={{port}} {{/each}}{{/each}}",
  );
  const config = {
    consul: { address: consul.address },
    proxies: [
      {
        name: "a",
        kind: "nginx",
        files: [{ template: "list.hbs", path: "out", format: "text" }],
      },
    ],
  };
  const kept = directory.at("state/snapshot.json");
  const first = await testFairlead(directory, config);
  await until("all answers are kept", async () => {
    const text = await readFile(kept, "utf8");
    return names.every((name) => text.includes(`"id":"${name}"`));
  });
  expect((await stat(kept)).mode & 0o777).toBe(0o600);
  await first.stop();
  await consul.kill();

  const second = await testFairlead(directory, config);
  const line = await second.untilLog("the last known good catalog is used", ({ msg }) =>
    msg.includes("last known good catalog, of"),
  );
  expect(line).toMatchObject({ level: 40, savedAt: expect.any(String) });
  await second.untilLog("something was rendered", ({ proxy }) => proxy === "a");
  const url = await adminUrl(directory);
  const { fallbackSince } = await adminStatus(url);
  expect(fallbackSince).toBe(line["savedAt"]);
  const savedSeconds = async () => {
    const { body } = await request(`${url}/metrics`);
    return Number(
      /^fairlead_fallback_catalog_timestamp_seconds\{proxy="a"\} (.*)$/m.exec(body)?.[1],
    );
  };
  expect(await savedSeconds()).toBe(Date.parse(fallbackSince ?? "") / 1_000);
  const told = await runFairlead(["status", "-c", directory.at("fairlead.yaml")]);
  expect(told).toMatchObject({ exitCode: 1 });
  expect(told.stdout).toContain(`the fallback catalog of ${fallbackSince} is in use`);
  await consul.startAgain();
  await register(2);
  await second.untilLog("Consul took over", ({ msg }) =>
    msg.includes("replaces the last known good"),
  );
  expect((await adminStatus(url)).fallbackSince).toBeUndefined();
  expect(await savedSeconds()).toBe(0);
  await second.stop();

  await consul.kill();
  const third = await testFairlead(directory, {
    ...config,
    consul: { ...config.consul, lastKnownGood: { maxAge: "1ms" } },
  });
  await third.untilLog("it is too old", ({ msg }) => msg.includes("too old to be used"));
  await third.stop();
  await rename(kept, directory.at("elsewhere"));
  await symlink(directory.at("elsewhere"), kept);
  const linked = await testFairlead(directory, config);
  const refused = await linked.untilLog("a link is not followed", ({ msg }) =>
    msg.includes("Cannot use the last known good catalog"),
  );
  expect(refused.msg).toContain("ELOOP");
  await linked.stop();
  await rm(kept);
  await writeFile(kept, '{"schema":1,"savedAt"');
  const fourth = await testFairlead(directory, config);
  await fourth.untilLog("it is broken", ({ msg }) =>
    msg.includes("Cannot use the last known good catalog"),
  );
}, 180_000);

test("what went live after the catalog was kept stays at a start without Consul, also where its files are gone", async () => {
  const template = "# {{#each (service 'web')}}{{port}} {{/each}}\n";
  const { directory, consul, output: path, start, status } = await startSite({ template });
  const lives = async (text: string) =>
    await until(`"${text}" is live`, async () => {
      const { live } = await status();
      return (await readFile(path, "utf8")) === text && live;
    });
  await consul.register({ name: "web", id: "1", port: 1 });
  const first = await start();
  await until("the catalog is kept", async () =>
    (await readFile(directory.at("state/snapshot.json"), "utf8")).includes('"port":1,'),
  );
  await consul.register({ name: "web", id: "2", port: 2 });
  const { generation: number } = await first.untilLog("both are live", ({ msg }) =>
    /is live: web 1 → 2 healthy/.test(msg),
  );
  await until("that is recorded", async () => {
    const record = JSON.parse(await readFile(directory.at("state/edge/record.json"), "utf8"));
    return record.live?.number === number;
  });
  await first.stop("SIGKILL");
  await consul.kill();
  await rm(path);

  await start();
  expect(await lives("# 1 2 \n")).toMatchObject({ number });
  await consul.startAgain();
  await consul.register({ name: "web", id: "3", port: 3 });
  await consul.register({ name: "web", id: "4", port: 4 });
  await lives("# 3 4 \n");
});
