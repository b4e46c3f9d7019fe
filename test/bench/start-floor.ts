import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type RunningProgram, startProgram } from "../helpers/child-process.ts";
import { request } from "../helpers/request.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import type { Nginx } from "../helpers/start-nginx.ts";
import { until } from "../helpers/until.ts";

/** Where a subject of the bench works. */
export interface Site {
  readonly nginx: Nginx;
  /** The file that nginx includes. */
  readonly file: string;
  readonly config: string;
  /** Where its nginx says which generation it serves. */
  readonly generationUrl: string;
}

/** Starts the least that can be done, on a file such as Fairlead writes; returns once nginx serves it. */
export async function startFloor(
  consul: string,
  service: string,
  site: Site,
): Promise<RunningProgram> {
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
    consul,
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
