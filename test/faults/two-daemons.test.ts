import { readdir, readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { startProgram } from "../helpers/child-process.ts";
import { startSite } from "../helpers/site.ts";
import { MAIN } from "../helpers/start-fairlead.ts";
import { until } from "../helpers/until.ts";

test("a second daemon on the same state is refused, naming the first, until that one is gone, killed or not", async () => {
  const { directory, run, start } = await startSite({ catalog: {} });
  const first = await start();
  await first.untilResult("live");
  const second = await run("run", "--once");
  expect(second.exitCode).toBe(2);
  expect(second.output).toContain(
    `Cannot use the state directory "${directory.at("state")}" as another Fairlead runs on it: pid ${first.pid}\n  End that one,`,
  );
  expect((await run("render")).exitCode).toBe(0);
  expect((await run("check")).exitCode).toBe(0);
  await first.stop("SIGKILL");
  expect((await run("run", "--once")).exitCode).toBe(0);
});

test("also when the first runs in another container: other processes, other network, other host name", async () => {
  const { configFile: file, run } = await startSite({ catalog: {} });
  const script = 'hostname first-container; exec "$@"';
  const namespaces = [
    "unshare",
    "--pid",
    "--net",
    "--uts",
    "--fork",
    "--kill-child",
    "--mount-proc",
  ];
  const first = await startProgram([
    ...namespaces,
    "sh",
    "-c",
    script,
    "sh",
    process.execPath,
    MAIN,
    "run",
    "-c",
    file,
  ]);
  onTestFinished(async () => void (await first.stop("SIGKILL")));
  await until(
    "the first is live",
    () => /is live/.test(first.output()) || /Start nginx/.test(first.output()),
  );
  const second = await run("run", "--once");
  expect(second.output).toContain(
    `another Fairlead runs on it: pid ${await pidInContainer(file)} on first-container\n`,
  );
  expect(second.exitCode).toBe(2);
  await first.stop("SIGKILL");
  await until("the lock is free", async () => (await run("run", "--once")).exitCode === 0);
});

/** The process id that a config's daemon has in its own container: the last one started, as process 1 runs it below an init. */
async function pidInContainer(config: string): Promise<number> {
  const pids = await Promise.all(
    (await readdir("/proc")).map(async (pid) => {
      const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
      const argv = (await read("cmdline")).split("\0");
      if (argv[0] !== process.execPath || !argv.includes(config)) return 0;
      const [, inEach = ""] = /^NSpid:\s+(.*)$/m.exec(await read("status")) ?? [];
      return Number(inEach.split("\t").at(-1));
    }),
  );
  return Math.max(...pids);
}
