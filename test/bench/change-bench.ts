import { setTimeout as sleep } from "node:timers/promises";
import { type ConsulAgent, startConsul } from "../helpers/start-consul.ts";
import { type Fairlead, startFairlead } from "../helpers/start-fairlead.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { type BenchSite, startBenchSite } from "./bench-site.ts";
import { median } from "./median.ts";
import { residentMiB } from "./process-figures.ts";
import { startFloor } from "./start-floor.ts";
import { untilServed } from "./until-served.ts";

/*
 * `npm run bench [-- SERVICES ...]`: how long a change takes to be served, beside the least that can be done.
 *
 * A change is one instance's health; it is served at the first answer of nginx with another generation. Floor and
 * Fairlead each have a Consul and an nginx of their own, and take turns change by change: what slows the machine for a
 * while slows both.
 */

const INSTANCES = 5;
/** Medians of 40 differed by 0.07 × from run to run. */
const FLIPS = 120;
const STARTS = 3;
/**
 * An agent counts a blocking query whose client has gone until its wait is over, and refuses the 201st: with more queries
 * a second start would wait for that.
 */
const STARTS_AGAIN_UP_TO = 60;
/** Two of them are further apart than `settle.minInterval`: each change is a lone one. */
const GAP_MS = 650;
/** Programs and services have started, and what that left to do is done. */
const CALM_MS = 2_000;

/** Rows of the table: what, measured, to reach. */
export async function benchChanges(services: number): Promise<readonly (readonly string[])[]> {
  const directory = await tempDirectory();
  const ends: (() => Promise<void>)[] = [() => directory.remove()];
  try {
    const [floorConsul, consul] = [await startConsul(), await startConsul()];
    ends.push(async () => void (await Promise.all([floorConsul.stop(), consul.stop()])));
    for (const agent of [floorConsul, consul]) await registerAll(agent, services);
    const settings = { maxConnections: 180 }; // a socket per query, up to there
    const floorAt = await startBenchSite(directory.at("floor"), {
      ...settings,
      address: floorConsul.address,
    });
    ends.push(() => floorAt.nginx.stop());
    const at = await startBenchSite(directory.at("fairlead"), {
      ...settings,
      address: consul.address,
    });
    ends.push(() => at.nginx.stop());
    const { fairlead, readyMs } = await startTimes(at, services > STARTS_AGAIN_UP_TO ? 1 : STARTS);
    ends.push(async () => void (await fairlead.stop()));
    const floor = await startFloor("svc-000", floorAt);
    ends.push(async () => void (await floor.stop("SIGKILL")));
    await sleep(CALM_MS);
    const times = { floor: [] as number[], fairlead: [] as number[] };
    for (let i = 0; i < FLIPS; i += 1) {
      times.floor.push(await flip(i, { at: floorAt, consul: floorConsul }));
      times.fairlead.push(await flip(i, { at, consul }));
    }
    return toRows(services, { times, readyMs, memoryMiB: await residentMiB(fairlead.pid) });
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

/** Starts it so many times; the last one goes on. */
async function startTimes(
  site: BenchSite,
  count: number,
): Promise<{ readonly fairlead: Fairlead; readonly readyMs: readonly number[] }> {
  const readyMs: number[] = [];
  for (;;) {
    const begin = performance.now();
    const fairlead = await startFairlead(["run", "-c", site.config]);
    await fairlead.untilLog("it is live", ({ result }) => result === "live");
    readyMs.push(performance.now() - begin);
    if (readyMs.length === count) return { fairlead, readyMs };
    await fairlead.stop();
  }
}

async function flip(
  i: number,
  { at, consul }: { readonly at: BenchSite; readonly consul: ConsulAgent },
): Promise<number> {
  await sleep(GAP_MS);
  return await untilServed(at, () => consul.setHealth("svc-000-0", i % 2 === 0 ? "fail" : "pass"));
}

async function registerAll(consul: ConsulAgent, services: number): Promise<void> {
  for (let i = 0; i < services; i += 1) {
    const name = `svc-${String(i).padStart(3, "0")}`;
    for (let j = 0; j < INSTANCES; j += 1) {
      await consul.register({ name, id: `${name}-${j}`, port: 30_000 + i * INSTANCES + j });
    }
  }
}

function toRows(
  services: number,
  seen: {
    readonly times: Readonly<Record<"floor" | "fairlead", readonly number[]>>;
    readonly readyMs: readonly number[];
    readonly memoryMiB: number;
  },
): readonly (readonly string[])[] {
  const [a, b] = [median(seen.times.fairlead), median(seen.times.floor)];
  const what = `${services} × ${INSTANCES}`;
  return [
    [
      `${what}: change to first answer, p50`,
      `${a.toFixed(1)} ms, floor ${b.toFixed(1)} ms: ${(a / b).toFixed(2)} ×`,
      services === 150 ? "≤ 1.15 ×" : "≤ 1.10 ×",
    ],
    [
      `${what}: start to first generation live`,
      `${median(seen.readyMs).toFixed(0)} ms`,
      services === 20 ? "< 1000 ms" : "",
    ],
    [
      `${what}: resident memory`,
      `${seen.memoryMiB.toFixed(0)} MiB`,
      services === 150 ? "< 110 MiB" : "",
    ],
  ];
}
