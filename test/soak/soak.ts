import { setTimeout as sleep } from "node:timers/promises";
import { startTraffic } from "../helpers/traffic.ts";
import { faultsFor, type SiteUnderLoad } from "./faults.ts";
import { findings, memoryFindings, type SoakFinding } from "./findings.ts";
import { createProcessSamples } from "./process-samples.ts";
import { startSoakEnvironment } from "./soak-environment.ts";
import type { SoakSite } from "./soak-site.ts";

/*
 * `npm run soak [-- MINUTES [SEED]]`: ten minutes of changes and faults, chosen at random, with the real programs and under
 * constant requests through nginx and through Varnish. Exits with 1 when something was lost, leaked or left behind.
 *
 * Two Fairleads, each with an nginx and a Varnish of its own, see the same changes and faults. One is killed again and again,
 * at any moment. The other is not: a process that has lived for a quarter of the time is compared with itself later on.
 */

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const random = mulberry32(seed);
const randomKills = mulberry32(seed + 1);
console.log(`${minutes} minutes, seed ${seed}`);

const environment = await startSoakEnvironment();
const { killed, spared } = environment;
const loaded = [killed, spared].map(withTraffic);
const samples = createProcessSamples();
const sampling = setInterval(() => samples.take(spared.fairlead().pid), 1_000);
const counts = new Map<string, number>();
const start = performance.now();
const elapsed = () => (performance.now() - start) / (minutes * 60_000);
const ending = new AbortController();
try {
  const killing = killAgainAndAgain();
  const retainedAfterHalf = untilHalf();
  // What they fail with is thrown where they are awaited, once all that runs can be ended.
  for (const it of [killing, retainedAfterHalf]) it.catch(() => undefined);
  await causeFaults();
  ending.abort();
  await killing;
  await environment.untilRecovered();
  clearInterval(sampling);
  const retained = [await retainedAfterHalf, await spared.retainedMiB()] as const;
  await stopTraffic();
  console.table(Object.fromEntries(counts));
  const found: SoakFinding[] = [...memoryFindings(samples, retained)];
  for (const one of loaded) found.push(...(await findings(one)));
  console.table(found);
  if (found.some(({ ok }) => !ok)) process.exitCode = 1;
} catch (error) {
  console.error(error);
  for (const { site } of loaded)
    console.error(site.fairlead().output().split("\n").slice(-30).join("\n"));
  process.exitCode = 1;
} finally {
  ending.abort();
  clearInterval(sampling);
  await stopTraffic();
  await environment.stop();
}

async function causeFaults(): Promise<void> {
  const faults = faultsFor(environment, { loaded, random });
  const all = faults.reduce((sum, { weight }) => sum + weight, 0);
  while (elapsed() < 1) {
    let at = random() * all;
    const fault = faults.find(({ weight }) => {
      at -= weight;
      return at < 0;
    });
    if (fault === undefined) continue;
    count(fault.name);
    await fault.happen();
    await sleep(random() * 150);
  }
}

/** Also in the middle of the faults. */
async function killAgainAndAgain(): Promise<void> {
  const { signal } = ending;
  while (!signal.aborted) {
    const isOver = await sleep(randomKills() * 12_000, false, { signal }).catch(() => true);
    if (isOver) return;
    count("kill Fairlead");
    await killed.killFairlead();
  }
}

/** Measured between the two quarters that are compared: a garbage collection changes resident memory. */
async function untilHalf(): Promise<number> {
  const { signal } = ending;
  await sleep(minutes * 30_000, undefined, { signal }).catch(() => undefined);
  return await spared.retainedMiB();
}

function count(what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

function withTraffic(site: SoakSite): SiteUnderLoad {
  const start = (url: string) => startTraffic([`${url}/web/x`]);
  return { site, traffic: { edge: start(site.edgeUrl), cache: start(site.cacheUrl) } };
}

async function stopTraffic(): Promise<void> {
  const traffic = loaded.flatMap((it) => Object.values(it.traffic));
  await Promise.all(traffic.map((it) => it.stop()));
}

/** A small generator of random numbers from a seed. */
function mulberry32(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
