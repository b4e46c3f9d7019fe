import { expect, test } from "vitest";
import { startSite } from "../helpers/site.ts";
import { testSampleProcess, whoAnswers } from "../helpers/test-programs.ts";
import { startTraffic } from "../helpers/traffic.ts";
import { until } from "../helpers/until.ts";

const PER_SECOND = 200;
const CHANGES = 30;
/** So many are sent to each in any case: changes go on until they are. */
const REQUESTS = 3_000;

test("3,000 requests each through nginx and through Varnish, 200 per second, during 30 changes or more: none fails", async () => {
  const [site, ...services] = await Promise.all([
    startSite({ nginx: {}, varnish: {} }),
    ...["web-1", "web-2", "web-3"].map(testSampleProcess),
  ]);
  const { consul, varnish, url } = site;
  for (const { name, port } of services) await consul.register({ name: "web", id: name, port });
  const fairlead = await site.start();
  for (const edge of [url, varnish.url]) {
    await until(`${edge} serves all`, async () => (await whoAnswers(`${edge}/web/`)).size === 3);
  }

  const traffic = [url, varnish.url].map((edge) =>
    startTraffic([`${edge}/web/x`], { perSecond: PER_SECOND, maxOutstanding: PER_SECOND }),
  );
  const applied = (proxy: string) =>
    fairlead.log().filter((line) => line.proxy === proxy && line.result === "live").length;
  const isEnough = () => traffic.every(({ sent }) => sent() >= REQUESTS);
  for (let i = 0; i < CHANGES || !isEnough(); i += 1) {
    const { name } = services[i % 2] ?? { name: "" };
    const before = { edge: applied("edge"), cache: applied("cache") };
    await consul.setHealth(name, i % 4 < 2 ? "fail" : "pass");
    // Each change is live before the next: instances that leave are still there until then.
    await until(
      `change ${i + 1} is live in both`,
      () => applied("edge") > before.edge && applied("cache") > before.cache,
    );
  }
  for (const { failures, sent } of await Promise.all(traffic.map((it) => it.stop()))) {
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThanOrEqual(REQUESTS);
  }
}, 180_000);
