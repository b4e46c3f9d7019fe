import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { freePorts } from "../../../src/proxy/serve-outputs/free-ports.ts";
import { startProgram } from "../../../src/proxy/serve-outputs/temporary-program.ts";
import { isRunning } from "../../helpers/is-running.ts";
import { testDirectory } from "../../helpers/test-programs.ts";
import { until } from "../../helpers/until.ts";

/** A program with a child that ignores SIGTERM. */
async function startWithChild(signal: AbortSignal) {
  const { path, at } = await testDirectory();
  const script = `(trap "" TERM; while :; do sleep 1; done) & echo $! > ${at("child")}; wait`;
  const program = startProgram(["sh", "-c", script], { directory: path, signal });
  const child = await until(
    "the child runs",
    async () => Number(await readFile(at("child"), "utf8").catch(() => "")) || undefined,
  );
  return { program, child };
}

test("a temporary program is ended with its children, also those that ignore SIGTERM", async ({
  signal,
}) => {
  const { program, child } = await startWithChild(signal);
  await program.stop();
  expect(await isRunning(child)).toBe(false);
});

test("an abort ends a temporary program with its children", async () => {
  const controller = new AbortController();
  const { child } = await startWithChild(controller.signal);
  controller.abort();
  await until("the child has ended", async () => !(await isRunning(child)));
});

test("a program that ends before it listens is reported with its own words", async ({ signal }) => {
  const { path } = await testDirectory();
  const [port = 0] = await freePorts(1);
  const argv = ["sh", "-c", "echo no such module >&2; exit 1"];
  const program = startProgram(argv, { directory: path, signal });
  await expect(program.untilListening(port)).rejects.toMatchObject({
    code: "CHECK_UNAVAILABLE",
    message: "Cannot start sh: no such module",
  });
});

test("a program that does not exist is reported", async ({ signal }) => {
  const { path } = await testDirectory();
  const [port = 0] = await freePorts(1);
  const program = startProgram(["no-such-program"], { directory: path, signal });
  await expect(program.untilListening(port)).rejects.toMatchObject({
    code: "CHECK_UNAVAILABLE",
    message: expect.stringContaining("ENOENT") as string,
  });
});
