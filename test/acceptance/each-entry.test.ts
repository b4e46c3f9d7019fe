import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { until } from "../helpers/until.ts";

/** Each kind of item with a template and a path, and what its outputs are called. */
const ENTRIES = [
  { each: "services", template: "service.hbs", path: "service-{{name}}.conf" },
  { each: "routes", template: "route.hbs", path: "route-{{name}}.conf" },
  { each: { keys: "sites" }, template: "key.hbs", path: "key-{{key}}.conf" },
] as const;

test("each writes an output per service, route and key; those whose item is gone are removed with the same generation", async () => {
  const site = await startSite({
    catalog: {},
    nginx: ({ confDirectory }) => ({
      files: ENTRIES.map(({ path, ...entry }) => ({ ...entry, path: join(confDirectory, path) })),
      guard: { maxDrop: "100%" },
    }),
  });
  const { listen, nginx, url } = site;
  const server = (name: string, text: string): string =>
    `server { listen ${listen}; server_name ${name}; location / { return 200 "${text}"; } }\n`;
  await site.save("service.hbs", server("{{name}}.service", "{{name}}"));
  await site.save("route.hbs", server("{{name}}.route", "{{service}} {{path}}"));
  await site.save("key.hbs", server("{{key}}.key", "{{value}} {{values.x}}"));
  const write = (services: readonly string[], keys: readonly string[]) => {
    const instances = services.map((name) => [name, [{ address: "127.0.0.1", port: 1 }]]);
    return site.saveCatalog({
      services: Object.fromEntries(instances),
      keys: Object.fromEntries(keys.map((key) => [`sites/${key}`, `value of ${key}`])),
    });
  };
  await write(["web", "api"], ["one", "two", "below/three"]);
  const fairlead = await site.start({ values: { x: "X" }, routes: { linger: "0s" } });
  const answer = async (host: string) => (await request(url, { host })).body;
  await until("all is served", async () => (await answer("two.key")) === "value of two X");
  expect(await answer("api.service")).toBe("api");
  expect(await answer("api.route")).toBe("api /api");
  /** What is staged, and what was replaced, lies beside the files until the end of an apply is recorded. */
  const files = async () =>
    await until("nothing is left of the last apply", async () => {
      const names = (await readdir(nginx.confDirectory)).toSorted();
      return names.some((it) => it.startsWith(".")) ? undefined : names;
    });
  expect(await files()).toEqual([
    "key-one.conf",
    "key-two.conf",
    "route-api.conf",
    "route-web.conf",
    "service-api.conf",
    "service-web.conf",
  ]);

  await write(["web", "new"], ["one", "other"]);
  const live = await fairlead.untilLog("it is live", ({ generation }) => generation === 2);
  expect(live.result).toBe("live");
  const left = [
    "key-one.conf",
    "key-other.conf",
    "route-new.conf",
    "route-web.conf",
    "service-new.conf",
    "service-web.conf",
  ];
  expect(await files()).toEqual(left);
  expect(await answer("new.route")).toBe("new /new");

  // What is refused removes nothing.
  await site.save("key.hbs", "nonsense {{key}};\n");
  await fairlead.untilResult("refused");
  await write(["web"], ["one"]);
  const refused = await fairlead.untilLog(
    "the next is refused as well",
    ({ result, change }) => result === "refused" && String(change).includes("-new"),
  );
  expect(refused.msg).toContain('unknown directive "nonsense"');
  expect(await files()).toEqual(left);
  expect(await answer("new.route")).toBe("new /new");
  await fairlead.stop();

  // The dry run shows what would go.
  await site.save("key.hbs", "# {{key}}\n");
  const { stdout } = await site.run("render", "--diff");
  const gone = join(nginx.confDirectory, "route-new.conf");
  expect(stdout).toContain(`--- ${gone}\tlive\n+++ /dev/null\tabsent\n`);
});

test("an output of an item does not replace a file that Fairlead did not write: that service is left out until it is gone", async () => {
  const site = await startSite({
    catalog: {},
    template: (listen) =>
      `server { listen ${listen}; server_name {{name}}; location / { return 200 "{{name}}"; } }\n`,
    nginx: ({ confDirectory }) => ({
      files: [
        { template: "site.hbs", each: "services", path: join(confDirectory, "{{name}}.conf") },
      ],
    }),
  });
  const { nginx, url } = site;
  const write = (names: readonly string[], tags: readonly string[] = []) => {
    const services = names.map((name) => [name, [{ address: "127.0.0.1", port: 1, tags }]]);
    return site.saveCatalog({ services: Object.fromEntries(services) });
  };
  const foreign = join(nginx.confDirectory, "default.conf");
  await write(["web"]);
  const fairlead = await site.start();
  await fairlead.untilResult("live");
  await writeFile(foreign, "# an operator's\n");
  await write(["web", "default", "new"]);
  const said = await fairlead.untilLog("it is left out", ({ state }) => state === "left out");
  expect(said).toMatchObject({ service: "default", hint: expect.stringContaining("Remove it") });
  expect(said.msg).toContain(`"${foreign}" as there is a file that Fairlead did not write`);
  const answer = async (host: string) => (await request(url, { host })).body;
  await until("the rest is served", async () => (await answer("new")) === "new");
  expect(await readFile(foreign, "utf8")).toBe("# an operator's\n");

  await rm(foreign);
  // It would be tried again within a minute; its data changes before.
  await write(["web", "default", "new"], ["changed"]);
  await until("it is served", async () => (await answer("default")) === "default");
});
