import { existsSync } from "node:fs";
import {
  chmod,
  chown,
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
import { openStateDirectory } from "../../../src/apply/disk/state-directory.ts";
import { planChanges } from "../../../src/apply/swap/changes.ts";
import { stage, stageChanges } from "../../../src/apply/swap/stage.ts";
import { readySwap, swap } from "../../../src/apply/swap/swap.ts";
import { openJournal } from "../../../src/apply/swap/swap-journal.ts";
import { testDirectory } from "../../helpers/test-programs.ts";

describe("swap()", () => {
  test("changes all files together, with their modes, and undo gives back every byte", async () => {
    const { at, path: home } = await testDirectory();
    await writeFile(at("a.conf"), "old a", { mode: 0o600 });
    await writeFile(at("gone.conf"), "old gone");
    const { swapped, journal } = await swapIn(
      home,
      [output(at("a.conf"), "new a"), output(at("b.conf"), "new b")],
      [at("gone.conf")],
    );
    await swapped.durable();
    expect(await visible(home)).toEqual(["a.conf", "b.conf"]);
    expect(await readFile(at("a.conf"), "utf8")).toBe("new a");
    expect((await stat(at("a.conf"))).mode & 0o777).toBe(0o640);
    await swapped.undo();
    journal.end();
    expect((await readdir(home)).toSorted()).toEqual(["a.conf", "gone.conf", "state"]);
    expect(await readdir(at("state/edge"))).toEqual([]);
    expect(await readFile(at("a.conf"), "utf8")).toBe("old a");
    expect((await stat(at("a.conf"))).mode & 0o777).toBe(0o600);
  });

  test("a file that cannot be renamed over leaves the others as they were", async () => {
    const { at, path: home } = await testDirectory();
    await writeFile(at("a.conf"), "old a");
    const outputs = [output(at("a.conf"), "new a"), output(at("b.conf"), "new b")];
    const { journal, changes } = await readyIn(home, outputs);
    await mkdir(at("b.conf"));
    await expect(swap(changes, journal)).rejects.toMatchObject({ code: "SWAP" });
    expect(await readFile(at("a.conf"), "utf8")).toBe("old a");
  });

  test("a destination that is a link stays one", async () => {
    const { at, path: home } = await testDirectory();
    await mkdir(at("real"));
    await writeFile(at("real/a.conf"), "old");
    await symlink("real/a.conf", at("a.conf"));
    const { swapped } = await swapIn(home, [output(at("a.conf"), "new")]);
    expect(await readlink(at("a.conf"))).toBe("real/a.conf");
    expect(await readFile(at("real/a.conf"), "utf8")).toBe("new");
    await swapped.undo();
    expect(await readlink(at("a.conf"))).toBe("real/a.conf");
    expect(await readFile(at("real/a.conf"), "utf8")).toBe("old");
  });

  test("a file that belongs to somebody else goes on doing so, with the mode that was asked for", async () => {
    const { at, path: home } = await testDirectory();
    await writeFile(at("a.conf"), "old");
    await chown(at("a.conf"), 1_234, 2_345);
    await chmod(at("a.conf"), 0o604);
    const { swapped } = await swapIn(home, [output(at("a.conf"), "new")]);
    expect(await stat(at("a.conf"))).toMatchObject({ uid: 1_234, gid: 2_345, mode: 0o100_640 });
    await swapped.undo();
    expect(await stat(at("a.conf"))).toMatchObject({ uid: 1_234, gid: 2_345, mode: 0o100_604 });
    expect(await readFile(at("a.conf"), "utf8")).toBe("old");
  });

  test("files that are the same already are not touched", async () => {
    const { at, path: home } = await testDirectory();
    await writeFile(at("a.conf"), "same", { mode: 0o640 });
    const { ino, ctimeMs } = await stat(at("a.conf"));
    const { changes } = await swapIn(home, [
      output(at("a.conf"), "same"),
      output(at("b.conf"), "new"),
    ]);
    expect(changes.map(({ target }) => target)).toEqual([at("b.conf")]);
    expect(await stat(at("a.conf"))).toMatchObject({ ino, ctimeMs });
  });
});

describe("stage()", () => {
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
    expect(existsSync(join(at("."), ".a.conf.fairlead-new"))).toBe(true);
  });
});

async function readyIn(
  home: string,
  outputs: readonly ReturnType<typeof output>[],
  removed: readonly string[] = [],
) {
  const state = join(home, "state");
  openStateDirectory(state);
  const journal = openJournal(join(state, "edge"), (error) => {
    throw error;
  });
  const { changed, changes } = planChanges(outputs, removed);
  const generation = { number: 1, id: "0123456789ab", paths: outputs.map(({ path }) => path) };
  journal.begin({ generation, changes });
  stageChanges(changed);
  await readySwap(changes, journal);
  return { journal, changes };
}

async function swapIn(...given: Parameters<typeof readyIn>) {
  const { journal, changes } = await readyIn(...given);
  return { swapped: await swap(changes, journal), journal, changes };
}

const visible = async (home: string): Promise<readonly string[]> =>
  (await readdir(home))
    .filter((name) => name.endsWith(".conf") && !name.startsWith("."))
    .toSorted();

const output = (path: string, text: string) => ({
  path,
  text,
  format: "text" as const,
  mode: 0o640,
});
