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
    "resident memory without garbage, second and last quarter",
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

  // An idle worker thread of Varnish's holds the VCL of its last request for up to a minute, also a discarded one.
  const vcls = await until(
    "Varnish is rid of what was discarded",
    async () => {
      const ours = (await listVcls(varnish)).filter((line) => line.includes("fairlead_"));
      return ours.some((line) => line.startsWith("discarded")) ? undefined : ours;
    },
    { patienceMs: 120_000 },
  ).catch(() => listVcls(varnish));
  say("VCLs of Fairlead's", String(vcls.length), vcls.length <= MOST_VCLS);
  if (vcls.length > MOST_VCLS) console.log(vcls.join("\n"));

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
  // A varnishd whose Fairlead was killed while it compiled may leave a directory of its own.
  const temporary = await readdir(directory.at("tmp"));
  const ours = temporary.filter((name) => !name.startsWith("varnishd_C_"));
  say("temporary files and directories", ours.join(" ") || "none", ours.length === 0);
  const theirs = temporary.length - ours.length;
  say("and of varnishd, one per kill at most", String(theirs), theirs <= kills);

  const pid = Number(await readFile(nginx.pidFile, "utf8"));
  say("nginx is the one that was started", String(pid === nginx.pid()), pid === nginx.pid());
  const tickets = await readdir(join(directory.at("state"), "lock"));
  say("locks", tickets.join(" "), tickets.length === 1);
  return found;
}

/** The active one and two for a quick way back. */
const MOST_VCLS = 3;

async function listVcls({ admin, secretFile }: World["varnish"]): Promise<readonly string[]> {
  const argv = ["-T", admin, "-S", secretFile, "vcl.list"];
  return (await promisify(execFile)("varnishadm", argv)).stdout.trim().split("\n");
}

const draining = (master: number): number =>
  readWorkers(master).filter(({ isDraining }) => isDraining).length;
