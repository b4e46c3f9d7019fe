import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runCommand } from "../../../src/proxy/command/command.ts";
import { isRunning } from "../../helpers/is-running.ts";
import { testDirectory } from "../../helpers/test-programs.ts";
import { until } from "../../helpers/until.ts";

test("a command that takes too long is ended with its grandchildren, also those that ignore SIGTERM and hold no output", async () => {
  const { at } = await testDirectory();
  const deaf = `(trap "" TERM; exec sleep 600 >/dev/null 2>&1) & echo $! > ${at("deaf")}`;
  const script = `${deaf}; sleep 600 & echo $! > ${at("loud")}; wait`;
  const { signal } = new AbortController();
  const result = await runCommand(["sh", "-c", script], { timeoutMs: 500, signal });
  expect(result).toMatchObject({ ok: false, timedOut: true });
  for (const name of ["deaf", "loud"]) {
    const pid = Number(await readFile(at(name), "utf8"));
    await until(`${name} has ended`, async () => !(await isRunning(pid)));
  }
});
