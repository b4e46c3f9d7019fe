import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePorts } from "../helpers/free-port.ts";
import { testMount } from "../helpers/mount.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { until } from "../helpers/until.ts";

test("a full disk leaves the live file as it is, and the retry succeeds once there is room", async () => {
  const { nginx, start, put, isServed, path, leftovers } = await prepare();
  await testMount(nginx.confDirectory, "-t", "tmpfs", "-o", "size=64k,mode=0755", "none");
  const fairlead = await start();
  await until("the first one is served", () => isServed("first"));
  const before = await readFile(path);
  const filler = join(nginx.confDirectory, "filler");
  await writeFile(filler, Buffer.alloc(64 * 1024)).catch(() => undefined);

  await put("second");
  const failed = await fairlead.untilResult("failed");
  expect(failed.msg).toContain("ENOSPC");
  expect(failed.msg).toContain("the live files are untouched");
  expect(failed.hint).toBe("Free space on the disk");
  expect(await readFile(path)).toEqual(before);
  await until("nothing is left behind", async () => (await leftovers()).length === 0);
  await rm(filler);
  await until("the second one is served", () => isServed("second"));
});

test("a read-only directory is named, and the retry succeeds once it can be written", async () => {
  const { nginx, start, put, isServed } = await prepare();
  const fairlead = await start();
  await until("the first one is served", () => isServed("first"));
  const { remount } = await testMount(nginx.confDirectory, "--bind", nginx.confDirectory);
  await remount("bind,ro");

  await put("second");
  const failed = await fairlead.untilResult("failed");
  expect(failed.msg).toContain("EROFS");
  expect(failed.hint).toBe(
    `Mount a writable volume at "${nginx.confDirectory}": the file system there is read-only`,
  );
  expect(await isServed("first")).toBe(true);
  await remount("bind,rw");
  await until("the second one is served", () => isServed("second"));
});

test("a missing directory is named, and the retry succeeds once it is there", async () => {
  const { nginx, start, isServed, directory } = await prepare({ in: "sites" });
  const fairlead = await start();
  const failed = await fairlead.untilResult("failed");
  expect(failed.hint).toBe(
    `Create the directory "${directory.at("sites")}", or mount it at the same place as the proxy has it`,
  );
  await mkdir(directory.at("sites"));
  await writeFile(
    join(nginx.confDirectory, "include.conf"),
    `include ${directory.at("sites")}/*;\n`,
  );
  await until("the first one is served", () => isServed("first"));
});

test("a file that is mounted by itself is written in place, which is said once, and comes back when the reload fails", async () => {
  const { start, put, isServed, path, directory, second, leftovers } = await prepare();
  await writeFile(directory.at("mounted.conf"), "# nothing yet\n");
  await writeFile(path, "");
  await testMount(path, "--bind", directory.at("mounted.conf"));
  const { ino } = await stat(path);
  const fairlead = await start();
  await until("the first one is served", () => isServed("first"));
  await put("second");
  await until("the second one is served", () => isServed("second"));
  const before = await readFile(path);
  expect((await stat(path)).ino).toBe(ino);
  const said = fairlead.log().filter(({ msg }) => msg.includes("is mounted by itself"));
  expect(said.map(({ path: named }) => named)).toEqual([path]);

  const occupier = createServer().listen(second, "127.0.0.1");
  await until("the port is taken", () => occupier.listening);
  await put("third", second);
  const failed = await fairlead.untilResult("failed");
  expect(failed.msg).toContain("the previous files are back and served");
  expect(await readFile(path)).toEqual(before);
  await until("nothing is left behind", async () => (await leftovers()).length === 0);
  await new Promise((resolve) => occupier.close(resolve));
  await until("the third one is served", () => isServed("third", second));
});

async function prepare({ in: home }: { readonly in?: string } = {}) {
  const template =
    'server { listen 127.0.0.1:{{key "port"}}; location / { return 200 "{{key "text"}}"; } }\n';
  const files = [{ template: "site.hbs", path: `${home}/site.conf` }];
  const site = await startSite({
    catalog: {},
    template,
    nginx: home === undefined ? {} : { files },
  });
  const { directory, nginx, start } = site;
  const [first = 0, second = 0] = await freePorts(2);
  const path = home === undefined ? site.output : directory.at(`${home}/site.conf`);
  const put = (text: string, port = first) => site.saveCatalog({ keys: { text, port: `${port}` } });
  await put("first");
  return {
    directory,
    nginx,
    path,
    put,
    second,
    start,
    isServed: async (text: string, port = first) =>
      (await request(`http://127.0.0.1:${port}/`)).body === text,
    leftovers: async () =>
      [
        ...(await readdir(nginx.confDirectory)),
        ...(await readdir(directory.at("state/edge"))),
      ].filter((name) => name.includes("fairlead-") || /journal|previous|new/.test(name)),
  };
}
