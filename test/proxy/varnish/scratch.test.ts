import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createScratch } from "../../../src/proxy/varnish/scratch.ts";
import { testDirectory } from "../../helpers/test-programs.ts";

test("the next start removes the directory that a killed process left, and no other directory that the note names", async () => {
  const home = (await testDirectory()).path;
  const note = join(home, "scratch");
  const killed = createScratch();
  killed.noteIn(home);
  const left = await killed.use(async (open) => {
    const directory = await open();
    await writeFile(join(directory, "main.vcl"), "");
    return directory;
  });
  expect(await readdir(left)).toEqual([]);
  expect((await stat(left)).mode & 0o777).toBe(0o711);
  expect(await readFile(note, "utf8")).toBe(left);

  await writeFile(`${note}.new`, left.slice(0, 9)); // it was killed while it wrote that
  const next = createScratch();
  next.noteIn(home);
  await expect(stat(left)).rejects.toThrow("ENOENT");
  expect(await readdir(home)).toEqual([]);

  const foreign = await mkdtemp(join(tmpdir(), "fairlead-other-"));
  onTestFinished(() => rm(foreign, { recursive: true }));
  await mkdir(join(home, "fairlead-vcl-1-1-abcdef"));
  for (const named of [foreign, join(home, "fairlead-vcl-1-1-abcdef"), "/", ""]) {
    await writeFile(note, named);
    createScratch().noteIn(home);
  }
  expect((await stat(foreign)).isDirectory()).toBe(true);
  expect(await readdir(home)).toEqual(["fairlead-vcl-1-1-abcdef"]);
});
