import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stage, unstage } from "../../src/apply/stage.ts";
import { swap } from "../../src/apply/swap.ts";
import { testDirectory } from "../helpers/stage.ts";

describe("stage() and swap()", () => {
  test("change all files together, with their modes, and undo gives back every byte", async () => {
    const { at, path: home } = await testDirectory();
    await writeFile(at("a.conf"), "old a", { mode: 0o600 });
    await writeFile(at("gone.conf"), "old gone");
    const staged = await stage([output(at("a.conf"), "new a"), output(at("b.conf"), "new b")]);
    expect(await readFile(at("a.conf"), "utf8")).toBe("old a");
    const swapped = await swap(staged, [at("gone.conf")]);
    await swapped.durable();
    expect((await readdir(home)).toSorted()).toEqual(["a.conf", "b.conf"]);
    expect(await readFile(at("a.conf"), "utf8")).toBe("new a");
    expect((await stat(at("a.conf"))).mode & 0o777).toBe(0o640);
    await swapped.undo();
    expect((await readdir(home)).toSorted()).toEqual(["a.conf", "gone.conf"]);
    expect(await readFile(at("a.conf"), "utf8")).toBe("old a");
    expect((await stat(at("a.conf"))).mode & 0o777).toBe(0o600);
  });

  test("a file that cannot be renamed over leaves the others as they were", async () => {
    const { at } = await testDirectory();
    await writeFile(at("a.conf"), "old a");
    const staged = await stage([output(at("a.conf"), "new a"), output(at("b.conf"), "new b")]);
    await mkdir(at("b.conf"));
    await expect(swap(staged, [])).rejects.toMatchObject({ code: "SWAP" });
    await unstage(staged);
    expect(await readFile(at("a.conf"), "utf8")).toBe("old a");
  });

  test("a destination that is a link stays one", async () => {
    const { at } = await testDirectory();
    await mkdir(at("real"));
    await writeFile(at("real/a.conf"), "old");
    await symlink("real/a.conf", at("a.conf"));
    await swap(await stage([output(at("a.conf"), "new")]), []);
    expect(await readlink(at("a.conf"))).toBe("real/a.conf");
    expect(await readFile(at("real/a.conf"), "utf8")).toBe("new");
  });

  test("a missing directory is named, and nothing is left behind", async () => {
    const { at, path: home } = await testDirectory();
    const outputs = [output(at("a.conf"), "a"), output(at("none/b.conf"), "b")];
    await expect(stage(outputs)).rejects.toMatchObject({
      code: "SWAP",
      hint: expect.stringContaining(`Create the directory "${at("none")}"`),
    });
    expect(await readdir(home)).toEqual([]);
  });

  test("staged files match no *.conf", async () => {
    const { at } = await testDirectory();
    const [file] = await stage([output(at("a.conf"), "a")]);
    expect(file?.stagedPath).toBe(at(".a.conf.fairlead-new"));
    await chmod(join(at("."), ".a.conf.fairlead-new"), 0o644);
  });
});

const output = (path: string, text: string) => ({
  path,
  text,
  format: "text" as const,
  mode: 0o640,
});
