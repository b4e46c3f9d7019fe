import { lchown, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  openStateDirectory,
  readStateFile,
  writeStateFile,
} from "../../../src/apply/disk/state-directory.ts";
import { readRecord, writeRecord } from "../../../src/apply/state/generation-record.ts";
import { testDirectory } from "../../helpers/test-programs.ts";

const STRANGER = 12_345;

describe("the state directory", () => {
  test("and all in it is this user's alone", async () => {
    const { at } = await testDirectory();
    await writeRecord(at("state"), "edge", { number: 3 });
    for (const path of ["state", "state/edge"]) expect(await modeOf(at(path))).toBe(0o700);
    expect(await readdir(at("state/edge"))).toEqual(["record.json"]);
    expect(await modeOf(at("state/edge/record.json"))).toBe(0o600);
    expect(readRecord(at("state"), "edge", unexpected)).toEqual({ number: 3 });
  });

  test("is refused when somebody else made a link of it, and taken when this user did", async () => {
    const { at } = await testDirectory();
    await mkdir(at("real"));
    await symlink("real", at("state"));
    openStateDirectory(at("state"));
    await lchown(at("state"), STRANGER, STRANGER);
    expect(() => openStateDirectory(at("state"))).toThrow(
      `Cannot use the state directory "${at("state")}" as "state" is a symbolic link that user ${STRANGER} made`,
    );
  });

  test("a link in place of a proxy's directory is refused as well", async () => {
    const { at } = await testDirectory();
    await mkdir(at("elsewhere"));
    await mkdir(at("state"));
    await symlink(at("elsewhere"), at("state/edge"));
    await lchown(at("state/edge"), STRANGER, STRANGER);
    await expect(writeRecord(at("state"), "edge", { number: 3 })).rejects.toMatchObject({
      code: "SWAP",
    });
    expect(await readdir(at("elsewhere"))).toEqual([]);
  });

  test("no link in place of a file is read or written through", async () => {
    const { at } = await testDirectory();
    await writeFile(at("precious"), "precious");
    await mkdir(at("state"));
    await symlink(at("precious"), at("state/a"));
    await symlink(at("precious"), at("state/a.new"));
    expect(() => readStateFile(at("state/a"))).toThrow("ELOOP");
    await writeStateFile(at("state/a"), "mine");
    expect(readStateFile(at("state/a"))).toBe("mine");
    expect(await readFile(at("precious"), "utf8")).toBe("precious");
  });

  test("an older version's record is taken over", async () => {
    const { at } = await testDirectory();
    await mkdir(at("state"));
    await writeFile(at("state/edge.json"), '{ "number": 7 }');
    const record = readRecord(at("state"), "edge", unexpected);
    expect(record).toEqual({ number: 7 });
    await writeRecord(at("state"), "edge", record);
    expect(await readdir(at("state"))).toEqual(["edge"]);
    expect(readRecord(at("state"), "edge", unexpected)).toEqual({ number: 7 });
  });
});

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

function unexpected(error: Error): void {
  throw error;
}
