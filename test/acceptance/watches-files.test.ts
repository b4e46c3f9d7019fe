import { mkdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { adminStatus } from "../helpers/admin-address.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { nginxProxy } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const answering = (listen: string, text: string): string =>
  `server { listen ${listen}; location / { return 200 "${text}"; } }\n`;

describe("fairlead run", () => {
  test("a template saved by a rename, or written slowly, goes live; a broken one is refused and named", async () => {
    const { site, fairlead, answers } = await running("one");
    const { directory, listen, template, output, adminUrl: url } = site;
    await answers("one");

    // As editors save: the old file is moved away, and a new one put in its place.
    await rename(template, directory.at("site.hbs~"));
    await writeFile(template, answering(listen, "two"));
    await answers("two");
    await writeFile(directory.at("next"), answering(listen, "three"));
    await rename(directory.at("next"), template);
    await answers("three");

    const before = await readFile(output);
    await writeFile(template, `${answering(listen, "four")}{{upper (servce "x")}}\n`);
    const refused = await fairlead.untilResult("refused");
    expect(refused.msg).toContain(`${template}:2:10: unknown helper "servce"`);
    expect(await readFile(output)).toEqual(before);
    expect((await adminStatus(url)).templateFault?.message).toContain('unknown helper "servce"');
    expect((await request(`${url}/metrics`)).body).toContain(
      'fairlead_templates_refused{proxy="edge"} 1\n',
    );
    await writeFile(template, answering(listen, "five"));
    await answers("five");
    expect((await adminStatus(url)).templateFault).toBeUndefined();
  });

  test("partials are watched, also new ones in a directory below", async () => {
    const { site, answers } = await running("{{> words/greeting}}", {
      "partials/words/greeting.hbs": "hello",
    });
    const { directory, listen } = site;
    await answers("hello");
    await writeFile(directory.at("partials/words/greeting.hbs"), "{{> words/more/new}}");
    await mkdir(directory.at("partials/words/more"));
    await writeFile(directory.at("partials/words/more/new.hbs"), "new");
    await answers("new");
    await rm(directory.at("partials/words/greeting.hbs"));
    await site.saveTemplate(answering(listen, "without"));
    await answers("without");
  });

  test("a directory that is swapped by a symbolic link, as Kubernetes mounts ConfigMaps, is seen at once", async () => {
    const site = await startSite({ catalog: {}, template: "" });
    const { directory, listen, output, url } = site;
    const mount = directory.at("mount");
    await mkdir(mount);
    const publish = async (version: string) => {
      await mkdir(join(mount, `..${version}`));
      await writeFile(join(mount, `..${version}`, "site.hbs"), answering(listen, version));
      await writeFile(join(mount, `..${version}`, "catalog.yaml"), "services: {}\n");
      await symlink(`..${version}`, join(mount, "..data_tmp"));
      await rename(join(mount, "..data_tmp"), join(mount, "..data"));
    };
    await publish("v1");
    for (const name of ["site.hbs", "catalog.yaml"])
      await symlink(`..data/${name}`, join(mount, name));
    const files = [{ template: "mount/site.hbs", path: output }];
    await site.start({
      catalog: { file: "mount/catalog.yaml" },
      proxies: [nginxProxy(site.nginx, { files })],
    });
    await until("v1 is served", async () => (await request(url)).body === "v1");
    await publish("v2");
    await rm(join(mount, "..v1"), { recursive: true });
    await until("v2 is served", async () => (await request(url)).body === "v2");
  });

  test("a saved config is read again; an invalid one leaves the old one running, and so does a vanished one", async () => {
    const { site, fairlead, answers } = await running("one");
    const { directory, configFile: file } = site;
    await answers("one");
    const good = await readFile(file, "utf8");
    await writeFile(file, "proxies: 3\n");
    const refused = await fairlead.untilLog("it is refused", ({ msg }) =>
      msg.includes("the old config stays in force"),
    );
    expect(refused.msg).toContain(`${file}:1:10: proxies: expected a list of proxies, got 3`);
    const from = fairlead.log().length;
    await unlink(file);
    await fairlead.untilLog("it is missed", ({ msg }) => msg.includes("Cannot read"), from);
    expect((await request(site.url)).body).toBe("one");
    // The old one again is nothing new.
    await writeFile(directory.at("next.yaml"), good);
    await rename(directory.at("next.yaml"), file);
    await site.configure({ partials: "partials", values: { word: "changed" } });
    await site.saveTemplate(answering(site.listen, "{{values.word}}"));
    await answers("changed");
    const readAgain = fairlead.log().filter(({ msg }) => msg === "read the config again");
    expect(readAgain).toHaveLength(1);
  });
});

/** A running nginx and Fairlead with one template that answers `text`. */
async function running(text: string, files: Readonly<Record<string, string>> = {}) {
  const site = await startSite({
    catalog: {},
    template: (listen) => answering(listen, text),
  });
  await mkdir(site.directory.at("partials/words"), { recursive: true });
  for (const [name, content] of Object.entries(files)) await site.save(name, content);
  const fairlead = await site.start({ partials: "partials" });
  return {
    site,
    fairlead,
    answers: async (body: string) =>
      void (await until(`it answers ${body}`, async () => (await request(site.url)).body === body)),
  };
}
