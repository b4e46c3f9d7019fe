import { expect, test } from "vitest";
import { seededRandom } from "../helpers/random-catalog.ts";
import { startTraffic } from "../helpers/traffic.ts";
import { until } from "../helpers/until.ts";
import { type ChaosProxy, type ChaosSite, partNames, startChaosSite } from "./chaos-site.ts";
import { differencesIn, type EverServed } from "./differences.ts";
import { type Expected, expectedAfter, NOTHING } from "./expected.ts";
import {
  ANCHOR,
  createRandomWorld,
  isGoodWord,
  toCatalogFile,
  type World,
} from "./random-world.ts";

/*
 * `npm run chaos`: states of a catalog, chosen at random, with bad values in random places. In each of them every service
 * is served that was ever served with usable data, and what is left out or goes on with older data is exactly what is bad.
 * A few rounds with a fixed seed run in `npm test`. The same SEED makes the same states.
 */

const seed = Number(process.env["FAIRLEAD_CHAOS_SEED"] ?? 7);
const rounds = Number(process.env["FAIRLEAD_CHAOS_ROUNDS"] ?? 6);
const minutes = Number(process.env["FAIRLEAD_CHAOS_MINUTES"] ?? Number.POSITIVE_INFINITY);
const only = process.env["FAIRLEAD_CHAOS_SHAPE"];

const PATIENCE_MS = 20_000;
/** The log level of a warning. */
const WARNING = 40;
const LIMIT_MS = 60_000 + Math.min(rounds * PATIENCE_MS, minutes * 60_000);

test("one bad thing costs only itself, in every state of a catalog", {
  timeout: LIMIT_MS,
}, async () => {
  console.log(`chaos: seed ${seed}`);
  const site = await startChaosSite();
  const { world, change } = createRandomWorld(seededRandom(seed));
  const ever: EverServed = { services: new Set(), redirects: new Set(), nodes: new Set() };
  const states = new Map<ChaosProxy, Expected>(site.proxies.map((it) => [it, NOTHING]));
  await save(0);
  const fairlead = await site.start();
  await settled(0, []);
  const traffic = startTraffic(
    site.proxies.filter(({ shape }) => shape.isEach !== true).map(anchorUrl),
    { perSecond: 5 },
  );
  const endMs = performance.now() + minutes * 60_000;
  let round = 0;
  const changes: string[] = [];
  while (round < rounds && performance.now() < endMs) {
    round += 1;
    const made = change();
    changes.push(`${round}: ${made.join(", ")}`);
    await save(round);
    await settled(round, changes);
  }
  const { sent, failures } = await traffic.stop();
  console.log(`chaos: ${round} rounds, ${failures.length} of ${sent} requests failed`);
  expect(failures).toEqual([]);
  expect(fairlead.isRunning()).toBe(true);

  async function save(number: number): Promise<void> {
    noteNames(world, ever);
    for (const [proxy, before] of states)
      states.set(proxy, expectedAfter(before, world, proxy.shape.uses));
    await site.save(toCatalogFile(world, { round: number, port: site.port }));
  }

  async function settled(number: number, made: readonly string[]): Promise<void> {
    let found: readonly string[] = [];
    try {
      await until(
        `round ${number} is in force`,
        async () => {
          found = await allDifferences(site, { states, ever, round: number });
          return found.length === 0;
        },
        { patienceMs: PATIENCE_MS },
      );
    } catch (error) {
      const text = [
        `SEED=${seed} ROUNDS=${number}`,
        ...found,
        "changes:",
        ...made.slice(-5),
        "log:",
        ...fairlead
          .log()
          .filter(({ level }) => level >= WARNING)
          .slice(-12)
          .map(({ proxy, msg }) => `${proxy}: ${msg.split("\n")[0]}`),
      ];
      throw new Error(text.join("\n"), { cause: error });
    }
  }
});

const anchorUrl = ({ url, shape }: ChaosProxy): string =>
  shape.templates === undefined ? `${url}/${ANCHOR}/x` : `${url}/s/${ANCHOR}`;

function noteNames({ services, redirects, nodes }: World, ever: EverServed): void {
  for (const name of services.keys()) if (isGoodWord(name)) ever.services.add(name);
  for (const name of redirects.keys()) if (isGoodWord(name)) ever.redirects.add(name);
  for (const name of nodes.keys()) ever.nodes.add(name);
}

async function allDifferences(
  site: ChaosSite,
  {
    states,
    ever,
    round,
  }: {
    readonly states: ReadonlyMap<ChaosProxy, Expected>;
    readonly ever: EverServed;
    readonly round: number;
  },
): Promise<readonly string[]> {
  const statuses = await site.status();
  const found = [...states].map(async ([proxy, expected]) => {
    const { name } = proxy.shape;
    if (only !== undefined && only !== name) return [];
    const { leftOut = [], pinned = [] } = statuses.get(name) ?? {};
    return [
      ...(await differencesIn(proxy, { expected, ever, round })),
      ...differentParts("left out", partNames(leftOut), expected.leftOut),
      ...differentParts("pinned", partNames(pinned), expected.pinned),
    ].map((it) => `${name}: ${it}`);
  });
  return (await Promise.all(found)).flat();
}

function differentParts(
  what: string,
  reported: readonly string[],
  expected: readonly string[],
): readonly string[] {
  const [is, should] = [reported, expected].map((it) => JSON.stringify(it));
  return is === should ? [] : [`${what}: ${is}, not ${should}`];
}
