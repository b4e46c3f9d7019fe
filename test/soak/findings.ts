import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { readWorkers } from "../../src/proxy/nginx/nginx-process.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import { until } from "../helpers/until.ts";
import type { Load } from "./load.ts";
import type { ProcessSamples } from "./process-samples.ts";
import type { World } from "./world.ts";

/** One thing that was looked at in the end. */
export interface Finding {
  readonly what: string;
  readonly found: string;
  readonly well: boolean;
}

/** What is left of the run, after all is calm. */
export async function findings(
  world: World,
  {
    loads,
    samples,
    kills,
  }: {
    readonly loads: Readonly<Record<string, Load>>;
    readonly samples: ProcessSamples;
    readonly kills: number;
  },
): Promise<readonly Finding[]> {
  const { directory, config, nginx, siteDirectory, varnish } = world;
  const found: Finding[] = [];
  const say = (what: string, text: string, well: boolean) =>
    found.push({ what, found: text, well });

  for (const [name, { sent, failures }] of Object.entries(loads)) {
    say(`${name}: requests failed`, `${failures.length} of ${sent()}`, failures.length === 0);
    for (const failure of failures.slice(0, 20)) console.log(name, failure);
  }

  const isFresh = async () =>
    (await runFairlead(["render", "-c", config, "--diff"])).stdout.trim() === "";
  const fresh = await until("live files equal a fresh render", isFresh, {
    patienceMs: 60_000,
  }).catch(() => false);
  say("live files equal a fresh render", String(fresh), fresh);

  const before = samples.residentMiB(0.25, 0.5);
  const after = samples.residentMiB(0.75, 1);
  const growth = ((after / before - 1) * 100).toFixed(1);
  say(
    "resident memory, second and last quarter",
    `${before.toFixed(1)} → ${after.toFixed(1)} MiB (${growth} %)`,
    after < before * 1.1,
  );
  const handles = [samples.handles(0.25, 0.5), samples.handles(0.75, 1)] as const;
  say("open files and sockets, the same", handles.join(" → "), handles[1] <= handles[0] + 5);

  const drained = until("old workers have ended", () => draining(nginx.pid()) === 0, {
    patienceMs: 60_000,
  });
  say(
    "draining workers in the end",
    String(draining(nginx.pid())),
    await drained.then(
      () => true,
      () => false,
    ),
  );

  const vcls = await promisify(execFile)("varnishadm", [
    "-T",
    varnish.admin,
    "-S",
    varnish.secretFile,
    "vcl.list",
  ]);
  const count = vcls.stdout.split("\n").filter((line) => line.includes("fairlead_")).length;
  say("VCLs of Fairlead's", String(count), count <= 4);

  const names = (
    await Promise.all(
      [
        nginx.confDirectory,
        siteDirectory,
        directory.at("cache"),
        directory.at("state/edge"),
        directory.at("state/cache"),
      ].map((it) => readdir(it)),
    )
  ).flat();
  const left = names.filter((name) => /fairlead-(new|previous)|^(journal|previous)/.test(name));
  say("files left behind", left.join(" ") || "none", left.length === 0);
  const trees = (await readdir(directory.at("tmp"))).length;
  say("temporary directories, one per kill at most", String(trees), trees <= kills + 2);

  const pid = Number(await readFile(nginx.pidFile, "utf8"));
  say("nginx is the one that was started", String(pid === nginx.pid()), pid === nginx.pid());
  const tickets = await readdir(join(directory.at("state"), "lock"));
  say("locks", tickets.join(" "), tickets.length === 1);
  return found;
}

const draining = (master: number): number =>
  readWorkers(master).filter(({ isDraining }) => isDraining).length;
