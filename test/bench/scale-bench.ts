import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { startConsul } from "../helpers/start-consul.ts";
import { type Fairlead, startFairlead } from "../helpers/start-fairlead.ts";
import { startNginx } from "../helpers/start-nginx.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { type LargeCatalog, largeCatalog, serviceName } from "./large-catalog.ts";
import { median } from "./median.ts";
import { connectionsTo, cpuMs, mostResidentMiB } from "./process-figures.ts";
import { type Site, startFloor } from "./start-floor.ts";

/*
 * `npm run bench -- scale`: what 3,000 services × 3 cost at Consul's default limits: at the start, while nothing
 * changes, and when one of them does. Fairlead and the floor each have an nginx of their own with the same file. The
 * floor follows the one service that changes; Fairlead is not told which one it will be: each time it is another.
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
type Times = Readonly<Record<Kind, readonly [readonly number[], readonly number[]]>>;

interface Start {
  readonly completeMs: number;
  readonly liveMs: number;
  readonly mostSockets: number;
}

/** Rows of the table: what, measured, to reach. */
export async function benchScale(): Promise<readonly (readonly string[])[]> {
  const directory = await tempDirectory();
  const consul = await startConsul();
  const ends: (() => Promise<void>)[] = [() => directory.remove(), () => consul.stop()];
  try {
    const size = { services: SERVICES, instances: INSTANCES };
    const catalog = await largeCatalog(consul.address, size);
    const at = await openSite(directory.at("fairlead"), consul.address);
    ends.push(() => at.nginx.stop());
    const fairlead = await startFairlead(["run", "-c", at.config]);
    ends.push(async () => void (await fairlead.stop()));
    const start = await watchStart(fairlead, at, Number(new URL(consul.address).port));
    await sleep(CALM_MS);
    const idleMs = await spentMs(fairlead.pid, () => sleep(IDLE_MS));
    const flips = { ownMs: 0 };
    const times = await measure(at, {
      change: (kind, round, way) => KINDS[kind][way](catalog, 1 + round * 31),
      around: async (kind, work) => {
        const ms = await spentMs(fairlead.pid, work);
        if (kind === "flip") flips.ownMs = ms / (2 * ROUNDS);
      },
    });
    const residentMiB = await mostResidentMiB(fairlead.pid);
    await fairlead.stop();

    const floorAt = await openSite(directory.at("floor"), consul.address);
    ends.push(() => floorAt.nginx.stop());
    const floor = await startFloor(consul.address, serviceName(0), floorAt);
    ends.push(async () => void (await floor.stop("SIGKILL")));
    const floorTimes = await measure(floorAt, {
      change: (kind, _round, way) => KINDS[kind][way](catalog, 0),
      around: async (_kind, work) => await work(),
    });
    return toRows({ start, idleMs, ownMs: flips.ownMs, residentMiB, times, floorTimes });
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

async function openSite(home: string, consul: string): Promise<Site> {
  await mkdir(home);
  const nginx = await startNginx(home);
  const listen = `127.0.0.1:${await freePort()}`;
  const file = join(nginx.confDirectory, "services.conf");
  const config = join(home, "fairlead.yaml");
  const files = [{ template: "builtin:nginx/service-proxy.conf", path: file }];
  await writeFile(
    config,
    stringify({
      consul: { address: consul },
      state: "state",
      admin: { listen: `127.0.0.1:${await freePort()}` },
      proxies: [{ name: "edge", kind: "nginx", config: nginx.config, files }],
      values: { nginx: { listen } },
    }),
  );
  return { nginx, file, config, generationUrl: `http://${listen}/__fairlead/generation` };
}

async function watchStart(fairlead: Fairlead, site: Site, consulPort: number): Promise<Start> {
  const begin = performance.now();
  const seen = { liveMs: Number.NaN, completeMs: Number.NaN, mostSockets: 0 };
  const live = fairlead
    .untilLog("it is live", ({ fate }) => fate === "live")
    .then(() => Object.assign(seen, { liveMs: performance.now() - begin }));
  while (Number.isNaN(seen.liveMs) && fairlead.isRunning()) {
    const sockets = await connectionsTo(consulPort, fairlead.pid);
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

/** Makes changes of each kind, there and back, and times each until another generation answers. */
async function measure(
  { generationUrl }: Site,
  subject: {
    readonly change: (kind: Kind, round: number, way: 0 | 1) => Promise<void>;
    readonly around: (kind: Kind, work: () => Promise<void>) => Promise<void>;
  },
): Promise<Times> {
  const times: Record<Kind, [number[], number[]]> = {
    flip: [[], []],
    instances: [[], []],
    meta: [[], []],
  };
  for (const kind of Object.keys(KINDS) as Kind[]) {
    await subject.around(kind, async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const way of [0, 1] as const) {
          await sleep(GAP_MS);
          const { body: before } = await request(generationUrl);
          const begin = performance.now();
          await subject.change(kind, round, way);
          while ((await request(generationUrl)).body === before) await sleep(1);
          times[kind][way].push(performance.now() - begin);
        }
      }
    });
  }
  return times;
}

function toRows(seen: {
  readonly start: Start;
  readonly idleMs: number;
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
    [`${what}: idle`, `${((seen.idleMs / IDLE_MS) * 100).toFixed(2)} % of a core`, "< 1 %"],
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
