import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { lockState, type StateLock } from "../../../src/apply/disk/state-lock.ts";
import { testDirectory } from "../../helpers/test-programs.ts";

describe("lockState()", () => {
  test("one at a time, however many ask at once, over and over", async () => {
    const { at } = await testDirectory();
    for (let round = 0; round < 20; round += 1) {
      const asked = await Promise.allSettled(
        Array.from({ length: 8 }, () => lockState(at("state"))),
      );
      const won = asked.filter(
        (it): it is PromiseFulfilledResult<StateLock> => it.status === "fulfilled",
      );
      expect(won).toHaveLength(1);
      for (const it of asked) {
        if (it.status === "fulfilled") continue;
        expect(it.reason).toMatchObject({
          code: "SWAP",
          message: `Cannot use the state directory "${at("state")}" as another Fairlead runs on it: pid ${process.pid}`,
        });
      }
      await won[0]?.value.release();
    }
    expect(await readdir(at("state/lock"))).toEqual(["20"]);
  });

  test("a directory with a path longer than a socket's may be", async () => {
    const { at } = await testDirectory();
    const state = join(at("x".repeat(120)), "state");
    const lock = await lockState(state);
    onTestFinished(() => lock.release());
    await expect(lockState(state)).rejects.toThrow("another Fairlead runs on it");
  });
});
