import { mkdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { adminStatus, adminUrl } from "../helpers/admin-address.ts";
import { request } from "../helpers/request.ts";
import {
  listenAddress,
  nginxProxy,
  testDirectory,
  testFairlead,
  testNginx,
  writeConfig,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const site = (listen: string, text: string): string =>
  `server { listen ${listen}; location / { return 200 "${text}"; } }\n`;

describe("fairlead run", () => {
  test("a template saved by a rename, or written slowly, goes live; a broken one is refused and named", async () => {
    const { directory, nginx, fairlead, listen, answers } = await running("one");
    const template = directory.at("site.hbs");
    await answers("one");

    // As editors save: the old file is moved away, and a new one put in its place.
    await rename(template, directory.at("site.hbs~"));
    await writeFile(template, site(listen, "two"));
    await answers("two");
    await writeFile(directory.at("next"), site(listen, "three"));
    await rename(directory.at("next"), template);
    await answers("three");

    const before = await readFile(join(nginx.confDirectory, "site.conf"));
    await writeFile(template, `${site(listen, "four")}{{upper (servce "x")}}\n`);
    const refused = await fairlead.untilResult("refused");
    expect(refused.msg).toContain(`${template}:2:10: unknown helper "servce"`);
    expect(await readFile(join(nginx.confDirectory, "site.conf"))).toEqual(before);
    const url = await adminUrl(directory);
    expect((await adminStatus(url)).templateFault?.message).toContain('unknown helper "servce"');
    expect((await request(`${url}/metrics`)).body).toContain(
      'fairlead_templates_refused{proxy="edge"} 1\n',
    );
    await writeFile(template, site(listen, "five"));
    await answers("five");
    expect((await adminStatus(url)).templateFault).toBeUndefined();
  });

  test("partials are watched, also new ones in a directory below", async () => {
    const { directory, listen, answers } = await running("{{> words/greeting}}", {
      "partials/words/greeting.hbs": "hello",
    });
    await answers("hello");
    await writeFile(directory.at("partials/words/greeting.hbs"), "{{> words/more/new}}");
    await mkdir(directory.at("partials/words/more"));
    await writeFile(directory.at("partials/words/more/new.hbs"), "new");
    await answers("new");
    await rm(directory.at("partials/words/greeting.hbs"));
    await writeFile(directory.at("site.hbs"), site(listen, "without"));
    await answers("without");
  });

  test("a directory that is swapped by a symbolic link, as Kubernetes mounts ConfigMaps, is seen at once", async () => {
    const directory = await testDirectory();
    const nginx = await testNginx(directory);
    const { listen, url } = await listenAddress();
    const mount = directory.at("mount");
    await mkdir(mount);
    const publish = async (version: string) => {
      await mkdir(join(mount, `..${version}`));
      await writeFile(join(mount, `..${version}`, "site.hbs"), site(listen, version));
      await writeFile(join(mount, `..${version}`, "catalog.yaml"), "services: {}\n");
      await symlink(`..${version}`, join(mount, "..data_tmp"));
      await rename(join(mount, "..data_tmp"), join(mount, "..data"));
    };
    await publish("v1");
    for (const name of ["site.hbs", "catalog.yaml"])
      await symlink(`..data/${name}`, join(mount, name));
    await testFairlead(directory, {
      catalog: { file: "mount/catalog.yaml" },
      proxies: [
        nginxProxy(nginx, {
          files: [{ template: "mount/site.hbs", path: join(nginx.confDirectory, "site.conf") }],
        }),
      ],
    });
    await until("v1 is served", async () => (await request(url)).body === "v1");
    await publish("v2");
    await rm(join(mount, "..v1"), { recursive: true });
    await until("v2 is served", async () => (await request(url)).body === "v2");
  });

  test("a saved config is read again; an invalid one leaves the old one running, and so does a vanished one", async () => {
    const { directory, fairlead, configFor, listen, answers } = await running("one");
    await answers("one");
    const file = directory.at("fairlead.yaml");
    const good = await readFile(file, "utf8");
    await writeFile(file, "proxies: 3\n");
    const refused = await fairlead.untilLog("it is refused", ({ msg }) =>
      msg.includes("the old config stays in force"),
    );
    expect(refused.msg).toContain(`${file}:1:10: proxies: expected a list of proxies, got 3`);
    const from = fairlead.log().length;
    await unlink(file);
    await fairlead.untilLog("it is missed", ({ msg }) => msg.includes("Cannot read"), from);
    expect((await request(`http://${listen}/`)).body).toBe("one");
    // The old one again is nothing new.
    await writeFile(directory.at("next.yaml"), good);
    await rename(directory.at("next.yaml"), file);
    await writeConfig(directory, { ...configFor, values: { word: "changed" } });
    await writeFile(directory.at("site.hbs"), site(listen, "{{values.word}}"));
    await answers("changed");
    const readAgain = fairlead.log().filter(({ msg }) => msg === "read the config again");
    expect(readAgain).toHaveLength(1);
  });
});

/** A running nginx and Fairlead with one template that answers `text`. */
async function running(text: string, files: Readonly<Record<string, string>> = {}) {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const { listen, url } = await listenAddress();
  await mkdir(directory.at("partials/words"), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(directory.at(name), content);
  await writeFile(directory.at("site.hbs"), site(listen, text));
  await writeFile(directory.at("catalog.yaml"), "services: {}\n");
  const configFor = {
    catalog: { file: "catalog.yaml" },
    partials: "partials",
    proxies: [
      nginxProxy(nginx, {
        files: [{ template: "site.hbs", path: join(nginx.confDirectory, "site.conf") }],
      }),
    ],
  };
  const fairlead = await testFairlead(directory, configFor);
  return {
    directory,
    nginx,
    fairlead,
    configFor,
    listen,
    answers: async (body: string) =>
      void (await until(`it answers ${body}`, async () => (await request(url)).body === body)),
  };
}
