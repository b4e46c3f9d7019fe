import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { type ConsulAgent, startConsul } from "../helpers/start-consul.ts";
import { runFairlead, startFairlead } from "../helpers/start-fairlead.ts";
import { startNginx } from "../helpers/start-nginx.ts";
import { tempDirectory } from "../helpers/temp-directory.ts";
import { median } from "./median.ts";
import { residentMiB } from "./process-figures.ts";
import { benchRender } from "./render-bench.ts";
import { benchScale } from "./scale-bench.ts";
import { startFloor } from "./start-floor.ts";
import { benchVarnish } from "./varnish-bench.ts";

/*
 * `npm run bench [-- render | varnish | scale | SERVICES ...]`: how long rendering takes, what a change costs a large
 * Varnish, what thousands of services cost, and how long a change takes to be served, beside the least that can be done, in one run.
 *
 * A change is one instance's health; it is served at the first answer of nginx with another generation.
 * Floor and Fairlead take turns, each with an nginx of its own and the same built-in file.
 */

const INSTANCES = 5;
const FLIPS = 20;
const TURNS = 2;
/** Further apart than `settle.minInterval`: each change is a lone one. */
const GAP_MS = 1_300;

interface Subject {
  /** Where its nginx says which generation it serves. */
  readonly generationUrl: string;
  start(): Promise<() => Promise<void>>;
}

const rows: (readonly string[])[] = [];
const asked = process.argv.slice(2);
const isAsked = (what: string) => asked.length === 0 || asked.includes(what);
if (isAsked("render")) rows.push(...(await benchRender()));
if (asked.includes("varnish")) rows.push(...(await benchVarnish()));
if (asked.includes("scale")) rows.push(...(await benchScale()));
const sizes = asked.length === 0 ? [20, 150] : asked.map(Number).filter(Number.isInteger);
if (sizes.length > 0) {
  rows.push(["fairlead --version", `${median(await versionTimes()).toFixed(0)} ms`, "< 150 ms"]);
}
for (const services of sizes) await benchChanges(services);
print(rows);

async function benchChanges(services: number): Promise<void> {
  const directory = await tempDirectory();
  const consul = await startConsul();
  const ends: (() => Promise<void>)[] = [() => directory.remove(), () => consul.stop()];
  try {
    await registerAll(consul, services);
    const floorHome = directory.at("floor");
    const fairleadHome = directory.at("fairlead");
    await mkdir(floorHome);
    await mkdir(fairleadHome);
    const floorNginx = await startNginx(floorHome);
    ends.push(() => floorNginx.stop());
    const fairleadNginx = await startNginx(fairleadHome);
    ends.push(() => fairleadNginx.stop());

    const listen = `127.0.0.1:${await freePort()}`;
    const config = join(fairleadHome, "fairlead.yaml");
    await writeFile(
      config,
      configText(
        consul,
        fairleadNginx.config,
        join(fairleadNginx.confDirectory, "services.conf"),
        listen,
      ),
    );
    const samples = { readyMs: [] as number[], residentMiB: [] as number[] };
    const fairlead: Subject = {
      generationUrl: `http://${listen}/__fairlead/generation`,
      async start() {
        const begin = performance.now();
        const program = await startFairlead(["run", "-c", config]);
        await program.untilLog("it is live", ({ fate }) => fate === "live");
        samples.readyMs.push(performance.now() - begin);
        return async () => {
          samples.residentMiB.push(await residentMiB(program.pid));
          await program.stop();
        };
      },
    };
    const floorListen = `127.0.0.1:${await freePort()}`;
    const floorConf = join(floorNginx.confDirectory, "services.conf");
    const floorConfig = join(floorHome, "fairlead.yaml");
    await writeFile(floorConfig, configText(consul, floorNginx.config, floorConf, floorListen));
    const floorSite = {
      nginx: floorNginx,
      file: floorConf,
      config: floorConfig,
      generationUrl: `http://${floorListen}/__fairlead/generation`,
    };
    const floor: Subject = {
      generationUrl: floorSite.generationUrl,
      async start() {
        const program = await startFloor(consul.address, "svc-000", floorSite);
        return async () => void (await program.stop("SIGKILL"));
      },
    };

    const times = { floor: [] as number[], fairlead: [] as number[] };
    for (let turn = 0; turn < TURNS; turn += 1) {
      times.floor.push(...(await measure(floor, consul)));
      times.fairlead.push(...(await measure(fairlead, consul)));
    }
    const [a, b] = [median(times.fairlead), median(times.floor)];
    const what = `${services} × ${INSTANCES}`;
    rows.push([
      `${what}: change to first answer, p50`,
      `${a.toFixed(0)} ms, floor ${b.toFixed(0)} ms: ${(a / b).toFixed(2)} ×`,
      "≤ 1.15 ×",
    ]);
    rows.push([
      `${what}: start to first generation live`,
      `${median(samples.readyMs).toFixed(0)} ms`,
      services === 20 ? "< 1000 ms" : "",
    ]);
    rows.push([
      `${what}: resident memory`,
      `${Math.max(...samples.residentMiB).toFixed(0)} MiB`,
      services === 150 ? "< 110 MiB" : "",
    ]);
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

/** Flips one instance's health again and again, and times each flip until another generation answers. */
async function measure(subject: Subject, consul: ConsulAgent): Promise<readonly number[]> {
  const stop = await subject.start();
  const times: number[] = [];
  try {
    for (let i = 0; i < FLIPS; i += 1) {
      await sleep(GAP_MS);
      const { body: before } = await request(subject.generationUrl);
      const begin = performance.now();
      await consul.setHealth("svc-000-0", i % 2 === 0 ? "fail" : "pass");
      while ((await request(subject.generationUrl)).body === before) await sleep(1);
      times.push(performance.now() - begin);
    }
  } finally {
    await stop();
  }
  return times;
}

async function registerAll(consul: ConsulAgent, services: number): Promise<void> {
  for (let i = 0; i < services; i += 1) {
    const name = `svc-${String(i).padStart(3, "0")}`;
    for (let j = 0; j < INSTANCES; j += 1) {
      await consul.register({ name, id: `${name}-${j}`, port: 30_000 + i * INSTANCES + j });
    }
  }
}

function configText(
  consul: ConsulAgent,
  nginxConfig: string,
  path: string,
  listen: string,
): string {
  return stringify({
    // A socket per query. The agent counts one whose client has gone until its wait is over, and refuses the
    // 201st: with a short wait a second start finds room.
    consul: { address: consul.address, maxConnections: 180, wait: "10s" },
    state: "state",
    admin: { listen: "127.0.0.1:9790" },
    proxies: [
      {
        name: "edge",
        kind: "nginx",
        config: nginxConfig,
        files: [{ template: "builtin:nginx/service-proxy.conf", path }],
      },
    ],
    values: { nginx: { listen } },
  });
}

async function versionTimes(): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < 11; i += 1) {
    const begin = performance.now();
    await runFairlead(["--version"]);
    times.push(performance.now() - begin);
  }
  return times;
}

function print(table: readonly (readonly string[])[]): void {
  const all = [["what", "measured", "to reach"], ...table];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  for (const row of all)
    console.log(`| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
}
