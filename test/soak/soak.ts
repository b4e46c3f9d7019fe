import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { faultsFor } from "./faults.ts";
import { findings } from "./findings.ts";
import { startLoad } from "./load.ts";
import { createProcessSamples } from "./process-samples.ts";
import { raiseWorld } from "./world.ts";

/*
 * `npm run soak [-- MINUTES [SEED]]`: ten minutes of changes and faults, chosen at random, with the real programs and under
 * constant requests through nginx and through Varnish. Exits with 1 when something was lost, leaked or left behind.
 *
 * Fairlead is killed over and over in the first seventh of the time; the rest of it one and the same process is watched, by
 * the second quarter a warm one.
 */

const minutes = Number(process.argv[2] ?? 10);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const random = mulberry32(seed);
console.log(`${minutes} minutes, seed ${seed}`);

const world = await raiseWorld();
const loads = {
  edge: startLoad(`${world.edgeUrl}/web/x`),
  cache: startLoad(`${world.cacheUrl}/web/x`),
};
const samples = createProcessSamples();
const sampling = setInterval(() => samples.take(world.fairlead().pid), 1_000);
const counts = new Map<string, number>();
const start = performance.now();
const elapsed = () => (performance.now() - start) / (minutes * 60_000);
try {
  await mkdir(world.directory.at("tmp"), { recursive: true });
  const faults = faultsFor(world, { loads, random });
  while (elapsed() < 1) {
    const possible = faults.filter(({ until = 1 }) => elapsed() < until);
    const all = possible.reduce((sum, { weight }) => sum + weight, 0);
    let at = random() * all;
    const fault = possible.find(({ weight }) => {
      at -= weight;
      return at < 0;
    });
    if (fault === undefined) continue;
    counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
    await fault.happen();
    await sleep(random() * 150);
  }
  await world.calm();
  clearInterval(sampling);
  await Promise.all(Object.values(loads).map((load) => load.stop()));
  console.table(Object.fromEntries(counts));
  const found = await findings(world, { loads, samples, kills: counts.get("kill Fairlead") ?? 0 });
  console.table(found);
  if (found.some(({ well }) => !well)) process.exitCode = 1;
} catch (error) {
  console.error(error);
  console.error(world.fairlead().output().split("\n").slice(-30).join("\n"));
  process.exitCode = 1;
} finally {
  clearInterval(sampling);
  await Promise.all(Object.values(loads).map((load) => load.stop()));
  await world.end();
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
