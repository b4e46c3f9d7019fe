import { readFile, stat, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { testConsul, testDirectory, testFairlead } from "../helpers/stage.ts";
import { until } from "../helpers/until.ts";

test("a start without Consul uses the last good catalog, and Consul's own replaces it all at once", async () => {
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
  const line = await second.untilLog("the last good catalog is used", ({ msg }) =>
    msg.includes("last good catalog, of"),
  );
  expect(line).toMatchObject({ level: 40, savedAt: expect.any(String) });
  await second.untilLog("something was rendered", ({ proxy }) => proxy === "a");
  await consul.startAgain();
  await register(2);
  await second.untilLog("Consul took over", ({ msg }) => msg.includes("replaces the last good"));
  await second.stop();

  await consul.kill();
  const third = await testFairlead(directory, {
    ...config,
    consul: { ...config.consul, lastGood: { maxAge: "1ms" } },
  });
  await third.untilLog("it is too old", ({ msg }) => msg.includes("too old to be used"));
  await third.stop();
  await writeFile(kept, '{"schema":1,"savedAt"');
  const fourth = await testFairlead(directory, config);
  await fourth.untilLog("it is broken", ({ msg }) =>
    msg.includes("Cannot use the last good catalog"),
  );
});
