import { symlink, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";
import { readChildren, readProcText } from "../../src/proxy/process-table.ts";
import { createStandby, type Standby } from "../../src/proxy/standby.ts";
import { isRunning } from "../helpers/is-running.ts";
import { testDirectory } from "../helpers/stage.ts";
import { until } from "../helpers/until.ts";

const ECHO = ["echo", "-n", "a b", "$c"];

test("what waits runs the command, with the last argument as it is", async ({ signal }) => {
  const { standby, waiting, run } = stage(signal);
  standby.prepare(ECHO);
  const [pid] = await waiting();
  expect(pid).toBeDefined();
  standby.prepare(ECHO);
  expect(await waiting()).toEqual([pid]);
  expect(await run([...ECHO, "d'\n e"])).toEqual({
    ok: true,
    exitCode: 0,
    output: "a b $c d'\n e",
    timedOut: false,
    notFound: false,
  });
  expect(await waiting()).toEqual([]);
  expect(await run([...ECHO, "again"])).toMatchObject({ ok: true, output: "a b $c again" });
});

test("a no is the command's own", async ({ signal }) => {
  const { standby, waiting, run } = stage(signal);
  const argv = ["grep", "-c", "pattern"];
  standby.prepare(argv);
  expect(await waiting()).toHaveLength(1);
  expect(await run([...argv, "/dev/null"])).toMatchObject({
    ok: false,
    exitCode: 1,
    output: "0\n",
  });
});

test("another command than what is waited for, or one whose process was ended, runs by itself", async ({
  signal,
}) => {
  const { standby, waiting, run } = stage(signal);
  standby.prepare(ECHO);
  expect(await run(["echo", "other"])).toMatchObject({ ok: true, output: "other\n" });
  const [pid = 0] = await waiting();
  process.kill(pid, "SIGKILL");
  expect(await run([...ECHO, "x"])).toMatchObject({ ok: true, output: "a b $c x" });
  standby.prepare(["echo", "-n", "-e"]);
  expect(await waiting()).toHaveLength(1);
  expect(await run(["echo", "-n", "-e", "y"])).toMatchObject({ ok: true, output: "y" });
});

test("takes no longer than it may, and leaves nothing behind", async ({ signal }) => {
  const { standby, waiting } = stage(signal);
  standby.prepare(["sleep"]);
  const [pid] = await waiting();
  const result = await standby.run(["sleep", "600"], { timeoutMs: 300, signal });
  expect(result).toMatchObject({ ok: false, timedOut: true });
  await until("it has ended", async () => !(await isRunning(pid)));
  standby.prepare(["sleep"]);
  const [other] = await waiting();
  await standby.close();
  expect(await isRunning(other)).toBe(false);
});

test("an abort ends it, also one that came before", async ({ signal }) => {
  const { standby, waiting } = stage(signal);
  for (const abort of [AbortSignal.abort(new Error("over")), soon(new Error("over"))]) {
    standby.prepare(["sleep"]);
    await expect(
      standby.run(["sleep", "600"], { timeoutMs: 600_000, signal: abort }),
    ).rejects.toThrow("over");
  }
  await standby.close();
  await until("nothing is left", async () => (await waiting()).length === 0);
  standby.prepare(["sleep"]);
  expect(await waiting()).toEqual([]);
});

test("what waits ends with the program that started it, however that ends", async ({ signal }) => {
  const module = new URL("../../src/proxy/standby.ts", import.meta.url).href;
  const { path, at } = await testDirectory();
  await writeFile(
    at("prepare.mjs"),
    `import { createStandby } from ${JSON.stringify(module)};
createStandby({ opens: ["stdout", "stderr"] }).prepare(["touch"]);`,
  );
  const program = execa(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), at("prepare.mjs")],
    {
      cwd: path,
      reject: false,
      cancelSignal: signal,
    },
  );
  const { pid = 0 } = program;
  let waits: number | undefined;
  await until("it waits", () => {
    waits = readChildren(pid).find((it) => readProcText(`${it}/cmdline`)?.startsWith("xargs"));
    return waits !== undefined;
  });
  program.kill("SIGKILL");
  await program;
  await until("it has ended", async () => !(await isRunning(waits)));
});

test("where there is no xargs it runs the command by itself", async ({ signal }) => {
  const module = new URL("../../src/proxy/standby.ts", import.meta.url).href;
  const { path, at } = await testDirectory();
  await symlink("/bin/echo", at("echo"));
  await writeFile(
    at("run.mjs"),
    `import { createStandby } from ${JSON.stringify(module)};
const standby = createStandby({ opens: ["stdout", "stderr"] });
const { signal } = new AbortController();
for (const last of ["a", "b"]) {
  standby.prepare(["echo", "-n"]);
  const { output } = await standby.run(["echo", "-n", last], { timeoutMs: 10_000, signal });
  console.log(output);
}
await standby.close();`,
  );
  const { stdout } = await execa(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), at("run.mjs")],
    { extendEnv: false, env: { PATH: path }, cancelSignal: signal },
  );
  expect(stdout).toBe("a\nb");
});

function soon(reason: Error): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 100);
  return controller.signal;
}

function stage(signal: AbortSignal) {
  const standby = createStandby({ opens: ["stdout", "stderr"] });
  onTestFinished(() => standby.close());
  const before = new Set(readChildren(process.pid));
  return {
    standby,
    run: (argv: readonly string[]): ReturnType<Standby["run"]> =>
      standby.run(argv, { timeoutMs: 10_000, signal }),
    /** The processes that wait. */
    waiting: async () => {
      const children = readChildren(process.pid).filter((pid) => !before.has(pid));
      const running = await Promise.all(children.map(isRunning));
      return children.filter((_, i) => running[i]);
    },
  };
}
