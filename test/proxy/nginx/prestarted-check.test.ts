import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { expect, onTestFinished, test } from "vitest";
import type { EndOptions } from "../../../src/proxy/command/process-group.ts";
import {
  createPrestartedCheck,
  type PrestartedCheck,
} from "../../../src/proxy/nginx/prestarted-check.ts";
import { readChildren, readProcText } from "../../../src/proxy/process-table.ts";
import { startProgram } from "../../helpers/child-process.ts";
import { isRunning } from "../../helpers/is-running.ts";
import { writeNginxConfig } from "../../helpers/start-nginx.ts";
import { testDirectory } from "../../helpers/test-programs.ts";
import { until } from "../../helpers/until.ts";

test("a prestarted check reads the files at the time of the check, and is used once", async ({
  signal,
}) => {
  const { prestarted, argv, put, waiting, run, binary, at } = await stage(signal);
  await put("nonsense;");
  await prestarted.prepare(argv);
  const [pid] = await waiting();
  await prestarted.prepare(argv);
  expect(await waiting()).toEqual([pid]);
  await execa("mkfifo", [at("slow.conf")]);
  await put(
    `${"server { listen 127.0.0.1:1; server_name a; }\n".repeat(2_000)}include ${at("slow.conf")};`,
  );
  const result = run();
  await until("it checks", async () =>
    (await filesOf(pid)).some((path) => path.endsWith("/nginx.conf")),
  );
  await writeFile(at("slow.conf"), ""); // which it waits to read
  expect(await result).toMatchObject({ ok: true, exitCode: 0, timedOut: false });
  // More than a pipe holds that nobody reads.
  const { output } = await result;
  expect(output.match(/\[warn\] .*conflicting server name "a"/g)?.length).toBeGreaterThan(500);
  expect(await waiting(0)).toEqual([]);
  await rm(binary);
  expect(await run()).toMatchObject({ ok: false, notFound: true });
});

test("a refusal is checked again by an nginx of its own", async ({ signal }) => {
  const { prestarted, argv, put, waiting, run } = await stage(signal);
  await prestarted.prepare(argv);
  expect(await waiting()).toHaveLength(1);
  await put("nonsense;");
  const { ok, exitCode, output } = await run();
  expect({ ok, exitCode }).toEqual({ ok: false, exitCode: 1 });
  expect(output).toMatch(/\[emerg\] .*unknown directive "nonsense" in /);
});

test("a prestarted check that another process let through does not count, even while it still runs", async ({
  signal,
}) => {
  const { prestarted, argv, put, waiting, run, gate, at } = await stage(signal);
  await execa("mkfifo", [at("slow.conf")]);
  await put(`include ${at("slow.conf")};`);
  await prestarted.prepare(argv);
  const [pid] = await waiting();
  const other = await open(gate, constants.O_RDONLY | constants.O_NONBLOCK);
  onTestFinished(() => other.close());
  await until("it is in the middle of its check", async () =>
    (await filesOf(pid)).some((path) => path.endsWith("/nginx.conf")),
  );
  await put("nonsense;");
  expect(await run()).toMatchObject({ ok: false, exitCode: 1 });
  await until("it has ended", async () => !(await isRunning(pid)));
});

test("a prestarted check that waits at another pipe does not count", async ({ signal }) => {
  const { prestarted, argv, waiting, run, gate } = await stage(signal);
  await prestarted.prepare(argv);
  const [pid] = await waiting();
  await rm(gate);
  await execa("mkfifo", [gate]);
  expect(await run()).toMatchObject({ ok: true });
  await until("it has ended", async () => !(await isRunning(pid)));
});

test("a missing pipe is made again", async ({ signal }) => {
  const { prestarted, argv, waiting, run, gate } = await stage(signal);
  await prestarted.prepare(argv);
  await waiting();
  expect(await run()).toMatchObject({ ok: true });
  await rm(gate);
  await prestarted.prepare(argv);
  expect(await waiting()).toHaveLength(1);
});

test("a prestarted check whose program was replaced does not count", async ({ signal }) => {
  const { prestarted, argv, waiting, run, binary } = await stage(signal);
  await prestarted.prepare(argv);
  const [pid] = await waiting();
  await rm(binary);
  await writeFile(binary, "#!/bin/sh\nexit 7\n", { mode: 0o755 });
  expect(await run()).toMatchObject({ ok: false, exitCode: 7 });
  await until("it has ended", async () => !(await isRunning(pid)));
});

test("a command that no process waits for starts a process of its own", async ({ signal }) => {
  const { prestarted, argv, waiting, run } = await stage(signal);
  await prestarted.prepare(argv);
  const [first] = await waiting();
  expect(await run([...argv, "-q"])).toMatchObject({ ok: true, output: "" });
  await until("it is not kept", async () => !(await isRunning(first)));
  await prestarted.prepare(argv);
  const [second = 0] = await waiting();
  process.kill(second, "SIGKILL");
  expect(await run()).toMatchObject({ ok: true });
  await prestarted.prepare(argv);
  expect(await waiting()).toHaveLength(1);
});

test("a prestarted check ends at its timeout and at an abort, also at an earlier one", async ({
  signal,
}) => {
  const { prestarted, argv, put, waiting, run, at } = await stage(signal);
  await execa("mkfifo", [at("slow.conf")]);
  await put(`include ${at("slow.conf")};`);
  await prestarted.prepare(argv);
  const [pid] = await waiting();
  expect(await run(argv, { timeoutMs: 300 })).toMatchObject({ ok: false, timedOut: true });
  await until("it has ended", async () => !(await isRunning(pid)));
  for (const abort of [AbortSignal.abort(new Error("over")), soon(new Error("over"))]) {
    await prestarted.prepare(argv);
    await expect(run(argv, { timeoutMs: 600_000, signal: abort })).rejects.toThrow("over");
  }
  await prestarted.close();
  await until("nothing is left", async () => (await waiting(0)).length === 0);
  await prestarted.prepare(argv);
  expect(await waiting(0)).toEqual([]);
});

test("an nginx without -e is prestarted only a few times", async ({ signal }) => {
  const { prestarted, argv, waiting, run, binary, at } = await stage(signal);
  await rm(binary);
  await writeFile(
    binary,
    `#!/bin/sh\n[ "$1" = -e ] && { echo >> ${at("tries")}; exit 1; }\nexec nginx "$@"\n`,
    { mode: 0o755 },
  );
  for (let i = 0; i < 5; i += 1) {
    await prestarted.prepare(argv);
    await until("none waits", async () => (await waiting(0)).length === 0);
    expect(await run()).toMatchObject({ ok: true });
  }
  expect(await readFile(at("tries"), "utf8")).toBe("\n\n\n");
});

test("a script does not count, and is ended with its children", async ({ signal }) => {
  const { prestarted, argv, run, binary, children, at } = await stage(signal);
  await rm(binary);
  await writeFile(binary, `#!/bin/sh\necho >> ${at("starts")}\nnginx "$@"\ntrue\n`, {
    mode: 0o755,
  });
  await prestarted.prepare(argv);
  const [script = 0] = await children();
  await until("it waits", () => readChildren(script).some(hasLoaded));
  const [nginx] = readChildren(script);
  expect(await run()).toMatchObject({ ok: true });
  expect(await readFile(at("starts"), "utf8")).toBe("\n\n");
  await until(
    "both have ended",
    async () => !(await isRunning(script)) && !(await isRunning(nginx)),
  );
});

test("a process that a killed program left at the gate is let through", async ({ signal }) => {
  const { prestarted, argv, waiting, gate } = await stage(signal);
  await execa("mkfifo", [gate]);
  const left = await startProgram([...argv.slice(0, 1), "-e", gate, ...argv.slice(1)]);
  onTestFinished(async () => void (await left.stop("SIGKILL")));
  await until("it waits", () => hasLoaded(left.pid));
  prestarted.moveTo(gate);
  expect(await left.ended).toBe(0);
  await prestarted.prepare(argv);
  expect(await waiting()).toHaveLength(1);
});

test.each(["mkfifo", "setpriv"])("without %s the command runs by itself", async (missing) => {
  const { argv, at } = await stage(new AbortController().signal);
  await mkdir(at("bin"));
  for (const name of ["mkfifo", "setpriv"]) {
    if (name !== missing) await symlink(`/usr/bin/${name}`, at(`bin/${name}`));
  }
  const file = at("run.mjs");
  await writeFile(
    file,
    `${preparing(argv, at("gate"))}
const { signal } = new AbortController();
for (let i = 0; i < 2; i += 1) {
  const { ok } = await prestarted.run(argv, { timeoutMs: 10_000, signal });
  console.log(ok);
  await prestarted.prepare(argv);
}
await prestarted.close();`,
  );
  const { stdout } = await execa(process.execPath, [...TSX, file], {
    extendEnv: false,
    env: { PATH: at("bin") },
  });
  expect(stdout).toBe("true\ntrue");
});

test("a prestarted check ends with the program that started it, however that ends", async ({
  signal,
}) => {
  const { argv, at } = await stage(signal);
  const file = at("prepare.mjs");
  await writeFile(file, `${preparing(argv, at("gate"))}\nsetInterval(() => undefined, 1_000);`);
  const program = execa(process.execPath, [...TSX, file], { reject: false, cancelSignal: signal });
  const { pid: parent = 0 } = program;
  let waits: number | undefined;
  await until("it waits", () => {
    waits = readChildren(parent).find((it) => readProcText(`${it}/cmdline`)?.includes("\0-e\0"));
    return waits !== undefined;
  });
  program.kill("SIGKILL");
  await program;
  await until("it has ended", async () => !(await isRunning(waits)));
});

/** What a process has open. */
async function filesOf(pid: number | undefined): Promise<readonly string[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  return await Promise.all(descriptors.map((it) => readlink(`/proc/${pid}/fd/${it}`)));
}

const TSX = ["--import", import.meta.resolve("tsx")];

/** A program that has what runs `argv` wait. */
function preparing(argv: readonly string[], gate: string): string {
  const module = new URL("../../../src/proxy/nginx/prestarted-check.ts", import.meta.url).href;
  return `import { createPrestartedCheck } from ${JSON.stringify(module)};
const argv = ${JSON.stringify(argv)};
const prestarted = createPrestartedCheck({ opens: ["stdout", "stderr"] });
prestarted.moveTo(${JSON.stringify(gate)});
await prestarted.prepare(argv);`;
}

function soon(reason: Error): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 100);
  return controller.signal;
}

async function stage(signal: AbortSignal) {
  const { path, at } = await testDirectory();
  const { config, confDirectory } = await writeNginxConfig(path);
  const binary = at("nginx");
  const { stdout: nginx } = await execa("which", ["nginx"]);
  await symlink(nginx, binary);
  const gate = at("gate");
  const prestarted = createPrestartedCheck({ opens: ["stdout", "stderr"] });
  prestarted.moveTo(gate);
  onTestFinished(() => prestarted.close());
  const argv = [binary, "-t", "-c", config];
  const before = new Set(readChildren(process.pid));
  const children = async (): Promise<readonly number[]> => {
    const pids = readChildren(process.pid).filter((pid) => !before.has(pid));
    const running = await Promise.all(pids.map(isRunning));
    return pids.filter((_, i) => running[i]);
  };
  return {
    prestarted,
    children,
    argv,
    at,
    binary,
    gate,
    /** Writes what the configuration includes. */
    put: (text: string) => writeFile(join(confDirectory, "a.conf"), text),
    run: (
      command: readonly string[] = argv,
      options: Partial<EndOptions> = {},
    ): ReturnType<PrestartedCheck["run"]> =>
      prestarted.run(command, { timeoutMs: 10_000, signal, ...options }),
    /** The processes that wait, once there are so many. */
    async waiting(count = 1): Promise<readonly number[]> {
      let pids: readonly number[] = [];
      await until(`${count} wait`, async () => {
        pids = await children();
        return pids.length === count && pids.every(hasLoaded);
      });
      return pids;
    },
  };
}

/** Whether it is an nginx that sleeps: while it was loaded it did not. */
const hasLoaded = (pid: number): boolean =>
  /^\d+ \(nginx\) S /.test(readProcText(`${pid}/stat`) ?? "");
