import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { readWorkers } from "../../src/proxy/nginx/nginx-process.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import { until } from "../helpers/until.ts";
import type { SiteUnderLoad } from "./faults.ts";
import type { ProcessSamples } from "./process-samples.ts";
import type { SoakSite } from "./soak-site.ts";

/** One check at the end of the run. */
export interface SoakFinding {
  readonly what: string;
  readonly found: string;
  readonly ok: boolean;
}

/** What is left of the run at one site, after it has recovered. */
export async function findings({ site, traffic }: SiteUnderLoad): Promise<readonly SoakFinding[]> {
  const found: SoakFinding[] = [];
  const add = (what: string, text: string, ok: boolean) =>
    found.push({ what: `${site.name}: ${what}`, found: text, ok });

  for (const [name, { sent, failures }] of Object.entries(traffic)) {
    add(`failed requests to ${name}`, `${failures.length} of ${sent()}`, failures.length === 0);
    for (const failure of failures.slice(0, 20)) console.log(site.name, name, failure);
  }
  const fresh = await isFresh(site);
  add("live files equal a fresh render", String(fresh), fresh);

  const { nginx } = site;
  const drained = await within60s("old workers have ended", () => draining(nginx.pid()) === 0);
  add("draining workers in the end", String(draining(nginx.pid())), drained);
  const pid = Number(await readFile(nginx.pidFile, "utf8"));
  add("nginx is the one that was started", String(pid === nginx.pid()), pid === nginx.pid());

  const vcls = await vclsInTheEnd(site.varnish);
  add("VCLs of Fairlead's", String(vcls.length), vcls.length <= MOST_VCLS);
  if (vcls.length > MOST_VCLS) console.log(vcls.join("\n"));

  const left = (await namesBeside(site)).filter((name) =>
    /fairlead-(new|previous)|^(journal|previous)/.test(name),
  );
  add("files left behind", left.join(" ") || "none", left.length === 0);
  const tickets = await readdir(site.at("state/lock"));
  add("locks", tickets.join(" "), tickets.length === 1);
  // After its end: as long as it runs it has a directory there.
  const exitCode = await site.fairlead().stop();
  add("exit code", String(exitCode), exitCode === 0);
  const temporary = await readdir(site.at("tmp"));
  add("temporary files and directories", temporary.join(" ") || "none", temporary.length === 0);
  return found;
}

/** What a process held in the second quarter of the time and in the last; `retained` is after half of it and at the end. */
export function memoryFindings(
  samples: ProcessSamples,
  retained: readonly [number, number],
): readonly SoakFinding[] {
  const resident = [samples.residentMiB(0.25, 0.5), samples.residentMiB(0.75, 1)] as const;
  const handles = [samples.handles(0.25, 0.5), samples.handles(0.75, 1)] as const;
  const quarters = [0, 0.25, 0.5, 0.75].map((from) => samples.residentMiB(from, from + 0.25));
  return [
    {
      what: "spared: resident memory, second and last quarter",
      found: `${growth(resident)}; quarters: ${quarters.map((it) => it.toFixed(1)).join(", ")}`,
      ok: resident[1] < resident[0] * 1.1,
    },
    {
      what: "spared: memory after a garbage collection, after the half and in the end",
      found: growth(retained),
      ok: retained[1] < retained[0] * 1.1,
    },
    {
      what: "spared: open files and sockets, second and last quarter",
      found: handles.join(" → "),
      ok: handles[1] <= handles[0] + 5,
    },
  ];
}

const growth = ([before, after]: readonly [number, number]): string =>
  `${before.toFixed(1)} → ${after.toFixed(1)} MiB (${((after / before - 1) * 100).toFixed(1)} %)`;

const isFresh = ({ config }: SoakSite): Promise<boolean> =>
  within60s(
    "live files equal a fresh render",
    async () => (await runFairlead(["render", "-c", config, "--diff"])).stdout.trim() === "",
  );

const within60s = (what: string, isSo: () => boolean | Promise<boolean>): Promise<boolean> =>
  until(what, isSo, { patienceMs: 60_000 }).then(
    () => true,
    () => false,
  );

/** The active one and two for a quick way back. */
const MOST_VCLS = 3;

/** An idle worker thread of Varnish's holds the VCL of its last request for up to a minute, also a discarded one. */
async function vclsInTheEnd(varnish: SoakSite["varnish"]): Promise<readonly string[]> {
  const ours = async () => (await listVcls(varnish)).filter((line) => line.includes("fairlead_"));
  return await until(
    "Varnish is rid of what was discarded",
    async () => {
      const vcls = await ours();
      return vcls.some((line) => line.startsWith("discarded")) ? undefined : vcls;
    },
    { patienceMs: 120_000 },
  ).catch(ours);
}

async function listVcls({ admin, secretFile }: SoakSite["varnish"]): Promise<readonly string[]> {
  const argv = ["-T", admin, "-S", secretFile, "vcl.list"];
  return (await promisify(execFile)("varnishadm", argv)).stdout.trim().split("\n");
}

async function namesBeside({ nginx, siteDirectory, at }: SoakSite): Promise<readonly string[]> {
  const directories = [nginx.confDirectory, siteDirectory, at("cache")];
  const state = [at("state/edge"), at("state/cache")];
  return (await Promise.all([...directories, ...state].map((it) => readdir(it)))).flat();
}

const draining = (master: number): number =>
  readWorkers(master).filter(({ isDraining }) => isDraining).length;
