import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type RunningProgram, startProgram } from "../helpers/child-process.ts";
import { request } from "../helpers/request.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import { until } from "../helpers/until.ts";
import type { BenchSite } from "./bench-site.ts";

/** Starts the least that can be done, on a file such as Fairlead writes; returns once nginx serves it. */
export async function startFloor(service: string, site: BenchSite): Promise<RunningProgram> {
  const base = `${site.config}.base`;
  const { stdout } = await runFairlead(["render", "-c", site.config]);
  await writeFile(base, stdout.replace(/^==> .* <==\n/, ""));
  const file = fileURLToPath(new URL("floor.ts", import.meta.url));
  const { config, pidFile } = site.nginx;
  const program = await startProgram([
    process.execPath,
    "--import",
    "tsx",
    file,
    site.consul,
    service,
    base,
    site.file,
    config,
    pidFile,
  ]);
  await until("the floor serves", async () => {
    if (!program.isRunning()) throw new Error(program.output());
    return (await request(site.generationUrl)).status === 200;
  });
  return program;
}
