import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { request } from "../helpers/request.ts";
import { type Fairlead, type LogLine, startFairlead } from "../helpers/start-fairlead.ts";
import { startVarnish, type VarnishOptions } from "../helpers/start-varnish.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { until } from "../helpers/until.ts";

/*
 * How long a Varnish of 1,000 services × 10 takes to serve: all of them at first, and one that changed. What is
 * measured is check, swap, reload and proof; the catalog is a file, and reading 10,000 instances is not Varnish's.
 */

const SERVICES = 1_000;
const INSTANCES = 10;
const CHANGES = 7;
const GAP_MS = 1_300;

/** Compilers by what the table calls them, with what is to be reached: the first load and a change, in ms. */
const COMPILERS = [
  { name: "tcc", options: {}, firstMs: 3_000, changeMs: 300 },
  {
    name: "gcc, Debian's default",
    options: { compiler: "built-in" },
    firstMs: undefined,
    changeMs: 2_000,
  },
] as const;

/** @returns rows of the table: what, measured, to reach */
export async function benchVarnish(): Promise<readonly (readonly string[])[]> {
  const rows: string[][] = [];
  for (const { name, options, firstMs, changeMs } of COMPILERS) {
    const { first, changes } = await measure(options);
    const what = `Varnish ${SERVICES} × ${INSTANCES}, ${name}`;
    rows.push([
      `${what}: first load`,
      seconds(first),
      firstMs === undefined ? "" : `≤ ${seconds(firstMs)}`,
    ]);
    const sorted = changes.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    rows.push([`${what}: one change, p50`, seconds(median), `≤ ${seconds(changeMs)}`]);
  }
  return rows;
}

async function measure(options: VarnishOptions) {
  const directory = await tempDirectory();
  const varnish = await startVarnish(directory.path, options);
  const ends = [() => directory.remove(), () => varnish.stop()];
  try {
    const catalog = directory.at("catalog.json");
    await writeCatalog(catalog, 0);
    const config = directory.at("fairlead.yaml");
    await writeFile(config, stringify(configOf(varnish, catalog)));
    const fairlead = await startFairlead(["run", "-c", config]);
    ends.push(async () => void (await fairlead.stop()));
    const live = await liveLine(fairlead, 0);
    const changes: number[] = [];
    for (let i = 1; i <= CHANGES; i += 1) {
      await sleep(GAP_MS);
      const from = fairlead.log().length;
      await writeCatalog(catalog, i);
      const line = await liveLine(fairlead, from);
      changes.push(stepsMs(line));
    }
    const { status } = await request(`${varnish.url}/__fairlead/generation`);
    if (status !== 200) throw new Error(`Varnish answers ${status}`);
    return { first: stepsMs(live), changes };
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

/** The next generation that is live. */
const liveLine = async (fairlead: Fairlead, from: number): Promise<LogLine> =>
  await until(
    "it is live",
    () =>
      fairlead
        .log()
        .slice(from)
        .find(({ result }) => result === "live"),
    {
      patienceMs: 600_000,
    },
  );

const stepsMs = (line: LogLine): number =>
  ["stageMs", "checkMs", "swapMs", "reloadMs", "proveMs"].reduce(
    (sum, step) => sum + Number(line[step] ?? 0),
    0,
  );

/** Each change takes another instance of one service away. */
async function writeCatalog(path: string, change: number): Promise<void> {
  const services = Array.from({ length: SERVICES }, (_, i) => {
    const instances = Array.from({ length: INSTANCES }, (__, j) => ({
      address: `10.${i >> 8}.${i & 255}.${j + 1}`,
      port: 8080,
    }));
    const name = `svc-${String(i).padStart(4, "0")}`;
    return [name, i === 500 ? instances.filter((__, j) => j !== change - 1) : instances];
  });
  await writeFile(`${path}.new`, JSON.stringify({ services: Object.fromEntries(services) }));
  await rename(`${path}.new`, path);
}

function configOf(varnish: Awaited<ReturnType<typeof startVarnish>>, catalog: string): object {
  return {
    catalog: { file: catalog },
    state: join(catalog, "../state"),
    proxies: [
      {
        name: "cache",
        kind: "varnish",
        admin: { address: varnish.admin, secretFile: varnish.secretFile },
        files: [{ template: "builtin:varnish/service-proxy.vcl", path: varnish.vcl }],
      },
    ],
  };
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
