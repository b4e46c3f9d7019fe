import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { superviseProcess } from "../../src/proxy/supervise/supervised-process.ts";
import { startSite } from "../helpers/site.ts";
import { testDirectory } from "../helpers/test-programs.ts";

const FILES = ["record.json", "control.json", "journal.json", "generations/1/generation.json"];
const GARBAGE = [
  "",
  "{",
  "null",
  "[]",
  '"text"',
  '{"number":"x"}',
  "\0\0\0",
  '{"mode":"x","live":[1]}',
];

test("state files with planted content are reported and ignored, and the daemon works on", async () => {
  const site = await startSite({ catalog: {}, template: "# nothing\n" });
  const { directory, output: path } = site;
  for (const garbage of GARBAGE) {
    const planted = FILES.map((name) => directory.at(`state/edge/${name}`));
    for (const at of planted) {
      await mkdir(dirname(at), { recursive: true, mode: 0o700 });
      await writeFile(at, garbage, { mode: 0o600 });
    }
    const { exitCode, output } = await site.run("run", "--once");
    expect([garbage, exitCode, output]).toEqual([garbage, 0, expect.anything()]);
    for (const at of planted) {
      expect(output).toContain(`Cannot use \\"${at}\\" as it is not what Fairlead wrote`);
    }
    expect(await readFile(path, "utf8")).toBe("# nothing\n");
    expect(
      JSON.parse(await readFile(directory.at("state/edge/record.json"), "utf8")),
    ).toHaveProperty("live");
  }
}, 120_000);

test("a planted record of a child is reported and ignored; nothing is written through a link", async () => {
  const { at } = await testDirectory();
  const recordFile = at("child.json");
  const lines: string[] = [];
  const takeOver = async () => {
    const child = superviseProcess({
      command: ["sleep", "600"],
      stopSignal: "SIGTERM",
      graceMs: 1_000,
      recordFile,
      log: pino({}, { write: (line) => void lines.push(line) }),
    });
    await child.takeOver();
    expect(child.pid()).toBeUndefined();
    return child;
  };
  for (const garbage of [...GARBAGE, '{"pid":1,"startTicks":1,"command":[]}']) {
    await writeFile(recordFile, garbage);
    await takeOver();
    expect(lines.splice(0).join("")).toContain(`"msg":"Cannot use \\"${recordFile}\\"`);
  }
  await writeFile(at("other"), "somebody's");
  await rm(recordFile);
  for (const link of [recordFile, `${recordFile}.new`]) await symlink(at("other"), link);
  const child = await takeOver();
  expect(lines.splice(0)).toHaveLength(1);
  child.start({ atOnce: true });
  expect(JSON.parse(await readFile(recordFile, "utf8"))).toMatchObject({ pid: child.pid() });
  expect(await readFile(at("other"), "utf8")).toBe("somebody's");
  await child.stop();
  await expect(readFile(recordFile)).rejects.toThrow("ENOENT");
});
