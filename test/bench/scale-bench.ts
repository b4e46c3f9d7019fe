import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConsulAgent, startConsul } from "../helpers/start-consul.ts";
import { type Fairlead, startFairlead } from "../helpers/start-fairlead.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { type BenchSite, startBenchSite } from "./bench-site.ts";
import { type LargeCatalog, largeCatalog, serviceName } from "./large-catalog.ts";
import { median } from "./median.ts";
import { connectionsTo, cpuMs, mostResidentMiB } from "./process-figures.ts";
import { startFloor } from "./start-floor.ts";
import { untilServed } from "./until-served.ts";

/*
 * `npm run bench -- scale`: what 3,000 services × 3 cost at Consul's default limits: at the start, while nothing
 * changes, and when one of them does. Fairlead and the floor each have a Consul and an nginx of their own with the same
 * file, and take turns change by change: what slows the machine for a while slows both. The floor follows the one service
 * that changes; Fairlead is not told which one it will be: each time it is another.
 */

const SERVICES = 3_000;
const INSTANCES = 3;
/** Changes of a kind, and as many back. */
const ROUNDS = 5;
/** Further apart than `settle.minInterval`: each change is a lone one. */
const GAP_MS = 1_500;
const CALM_MS = 4_000;
const IDLE_MS = 20_000;
const SAMPLE_MS = 25;

type Change = (catalog: LargeCatalog, service: number) => Promise<void>;

/** Pairs of changes: the second one takes the first one back. */
const KINDS = {
  flip: [
    (catalog, service) => catalog.setHealth({ service, instance: 0 }, "critical"),
    (catalog, service) => catalog.setHealth({ service, instance: 0 }, "passing"),
  ],
  instances: [
    (catalog, service) => catalog.register({ service, instance: INSTANCES }),
    (catalog, service) => catalog.deregister({ service, instance: INSTANCES }),
  ],
  meta: [
    (catalog, service) => catalog.setMeta({ service, instance: 0 }, { route_timeout: "9s" }),
    (catalog, service) => catalog.setMeta({ service, instance: 0 }, {}),
  ],
} as const satisfies Readonly<Record<string, readonly [Change, Change]>>;
type Kind = keyof typeof KINDS;

/** What changes took, there and back, in ms until another generation answers. */
type Times = Readonly<Record<Kind, readonly [number[], number[]]>>;

interface Start {
  readonly completeMs: number;
  readonly liveMs: number;
  readonly mostSockets: number;
}

/** Rows of the table: what, measured, to reach. */
export async function benchScale(): Promise<readonly (readonly string[])[]> {
  const directory = await tempDirectory();
  const ends: (() => Promise<void>)[] = [() => directory.remove()];
  try {
    const { consul, catalog } = await startLargeConsul(ends);
    const at = await startBenchSite(directory.at("fairlead"), { address: consul.address });
    ends.push(() => at.nginx.stop());
    const fairlead = await startFairlead(["run", "-c", at.config]);
    ends.push(async () => void (await fairlead.stop()));
    const start = await watchStart(fairlead, at);
    await sleep(CALM_MS);
    const idleMs = await spentMs(fairlead.pid, () => sleep(IDLE_MS));

    const { consul: floorConsul, catalog: floorCatalog } = await startLargeConsul(ends);
    const floorAt = await startBenchSite(directory.at("floor"), { address: floorConsul.address });
    ends.push(() => floorAt.nginx.stop());
    const floor = await startFloor(serviceName(0), floorAt);
    ends.push(async () => void (await floor.stop("SIGKILL")));
    const idleShare = idleMs / IDLE_MS;
    const [times, floorTimes] = [noTimes(), noTimes()];
    const ownMs: number[] = [];
    for (const kind of Object.keys(KINDS) as Kind[]) {
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const way of [0, 1] as const) {
          const change = KINDS[kind][way];
          await sleep(GAP_MS);
          floorTimes[kind][way].push(await untilServed(floorAt, () => change(floorCatalog, 0)));
          await sleep(GAP_MS); // its old workers are still ending
          const begin = performance.now();
          const spent = await spentMs(fairlead.pid, async () => {
            const service = 1 + round * 31;
            times[kind][way].push(await untilServed(at, () => change(catalog, service)));
            await sleep(GAP_MS);
          });
          if (kind === "flip") ownMs.push(spent - idleShare * (performance.now() - begin));
        }
      }
    }
    const residentMiB = await mostResidentMiB(fairlead.pid);
    const sockets = await connectionsTo(portOf(at), fairlead.pid);
    const mostSockets = Math.max(start.mostSockets, sockets);
    return toRows({
      start: { ...start, mostSockets },
      idleShare,
      ownMs: mean(ownMs),
      residentMiB,
      times,
      floorTimes,
    });
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

async function startLargeConsul(
  ends: (() => Promise<void>)[],
): Promise<{ readonly consul: ConsulAgent; readonly catalog: LargeCatalog }> {
  const consul = await startConsul();
  ends.push(() => consul.stop());
  const size = { services: SERVICES, instances: INSTANCES };
  return { consul, catalog: await largeCatalog(consul.address, size) };
}

const portOf = (site: BenchSite): number => Number(new URL(site.consul).port);

const noTimes = (): Times => ({ flip: [[], []], instances: [[], []], meta: [[], []] });

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

async function watchStart(fairlead: Fairlead, site: BenchSite): Promise<Start> {
  const begin = performance.now();
  const seen = { liveMs: Number.NaN, completeMs: Number.NaN, mostSockets: 0 };
  const live = fairlead
    .untilLog("it is live", ({ result }) => result === "live")
    .then(() => Object.assign(seen, { liveMs: performance.now() - begin }));
  while (Number.isNaN(seen.liveMs) && fairlead.isRunning()) {
    const sockets = await connectionsTo(portOf(site), fairlead.pid);
    seen.mostSockets = Math.max(seen.mostSockets, sockets);
    const isComplete = Number.isNaN(seen.completeMs) && (await isThere(site.file));
    if (isComplete) seen.completeMs = performance.now() - begin;
    await sleep(SAMPLE_MS);
  }
  await live;
  return seen;
}

const isThere = async (path: string): Promise<boolean> =>
  await stat(path).then(
    () => true,
    () => false,
  );

async function spentMs(pid: number, work: () => Promise<void>): Promise<number> {
  const before = await cpuMs(pid);
  await work();
  return (await cpuMs(pid)) - before;
}

function toRows(seen: {
  readonly start: Start;
  readonly idleShare: number;
  /** Of one flip, without what passes while nothing changes. */
  readonly ownMs: number;
  readonly residentMiB: number;
  readonly times: Times;
  readonly floorTimes: Times;
}): readonly (readonly string[])[] {
  const { start, times, floorTimes } = seen;
  const what = `${SERVICES} × ${INSTANCES}`;
  const beside = (mine: readonly number[], floor: readonly number[]): string => {
    const [a, b] = [median(mine), median(floor)];
    return `${a.toFixed(0)} ms, floor ${b.toFixed(0)} ms: + ${(a - b).toFixed(0)} ms`;
  };
  const flips = times.flip.flat();
  const metaTimes = times.meta.flat();
  return [
    [`${what}: first complete file`, `${(start.completeMs / 1_000).toFixed(2)} s`, "≤ 3 s"],
    [`${what}: first generation live`, `${(start.liveMs / 1_000).toFixed(2)} s`, ""],
    [`${what}: sockets to Consul`, String(start.mostSockets), "≤ 64"],
    [`${what}: resident memory, at most`, `${seen.residentMiB.toFixed(0)} MiB`, "≤ 240 MiB"],
    [`${what}: idle`, `${(seen.idleShare * 100).toFixed(2)} % of a core`, "< 1 %"],
    [`${what}: health flip, p50`, beside(flips, floorTimes.flip.flat()), "≤ floor + 60 ms"],
    [`${what}: its own processor time for a flip`, `${seen.ownMs.toFixed(0)} ms`, "≤ 120 ms"],
    [
      `${what}: registration, p50`,
      beside(times.instances[0], floorTimes.instances[0]),
      "≤ floor + 150 ms",
    ],
    [
      `${what}: deregistration, p50`,
      beside(times.instances[1], floorTimes.instances[1]),
      "≤ floor + 150 ms",
    ],
    [`${what}: meta alone, p50`, beside(metaTimes, floorTimes.meta.flat()), ""],
  ];
}
