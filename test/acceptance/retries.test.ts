import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { request } from "../helpers/request.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import {
  listenAddress,
  nginxProxy,
  testDirectory,
  testNginx,
  testSampleProcess,
  testService,
  testVarnish,
  varnishProxy,
  whoAnswers,
  writeConfig,
} from "../helpers/test-programs.ts";
import { startTraffic } from "../helpers/traffic.ts";
import { until } from "../helpers/until.ts";

/*
 * An instance fails before Consul notices: its requests go to another one.
 */

const PER_SECOND = 100;
const BEFORE = 100;
const AFTER = 400;
const TIMEOUT_MS = 1_000;

describe.each(["nginx", "varnish", "varnish in groups"] as const)("%s", (kind) => {
  test.each([
    ["round_robin", "kill", []],
    ["round_robin", "freeze", []],
    ["hash", "kill", ["balance=hash"]],
    ["hash", "freeze", ["balance=hash"]],
    ["weights", "kill", ["weight=3"]],
    ["sticky", "freeze", ["sticky=address"]],
  ] as const)(
    "%s: %s one of three instances under 100 requests per second, and none fails",
    async (_, harm, tags) => {
      const all = await Promise.all(["one", "two", "three"].map(testSampleProcess));
      const url = await serve(kind, {
        web: all.map(({ port }, i) => ({
          port,
          // Weights differ, where the row has one: one instance has the default.
          tags: ["path=/", `timeout=${TIMEOUT_MS}ms`, ...(i === 0 ? [] : tags)],
        })),
      });
      const first = [...(await whoAnswers(`${url}/x`, 1))][0];
      const victim = all.find(({ name }) => name === first);
      const traffic = startTraffic([`${url}/x`], {
        perSecond: PER_SECOND,
        maxOutstanding: 3 * PER_SECOND,
      });
      await until("it serves", () => traffic.sent() >= BEFORE);
      await victim?.[harm]();
      await until("the traffic goes on", () => traffic.sent() >= BEFORE + AFTER);
      expect((await traffic.stop()).failures).toEqual([]);
    },
    60_000,
  );

  test("no server is asked twice for one request, and none more than there are", async () => {
    const all = await Promise.all(["a", "b", "c", "d"].map(testService));
    const url = await serve(kind, {
      web: all.map(({ port }) => ({ port, tags: ["path=/", "retries=9"] })),
      hash: all.map(({ port }) => ({ port, tags: ["path=/hash", "retries=9", "balance=hash"] })),
      some: all.map(({ port }) => ({ port, tags: ["path=/some", "retries=1"] })),
    });
    const askedBy = async (path: string) => {
      const before = all.map((it) => it.requests());
      expect((await request(`${url}${path}`)).status).toBe(503);
      return all.map((it, i) => it.requests() - (before[i] ?? 0)).toSorted((a, b) => a - b);
    };
    for (let i = 0; i < 5; i += 1) {
      // nginx leaves out a server that failed three times in ten seconds.
      expect(await askedBy(i % 2 === 0 ? "/status/503" : "/hash/status/503")).toEqual([1, 1, 1, 1]);
      if (kind === "nginx") break;
    }
    expect(await askedBy("/some/status/503")).toEqual([0, 0, 1, 1]);
  });

  test("a request that is no GET is sent once, and no attempt begins after the total time", async () => {
    const all = await Promise.all(["one", "two", "three"].map(testSampleProcess));
    const tagged = (tags: readonly string[]) => all.map(({ port }) => ({ port, tags: [...tags] }));
    const url = await serve(kind, {
      web: tagged(["path=/", "timeout=1s"]),
      once: tagged(["path=/once", "timeout=1s", "total=500ms"]),
    });
    await Promise.all(all.map((it) => it.freeze()));
    const took = async (path: string, method: string) => {
      const from = performance.now();
      expect((await request(`${url}${path}`, { method })).status).toBeGreaterThan(500);
      return Math.round((performance.now() - from) / 1_000);
    };
    expect(await took("/", "POST")).toBe(1);
    expect(await took("/", "GET")).toBe(2);
    expect(await took("/once", "GET")).toBe(1);
  });
});

type Instance = { readonly port: number; readonly tags: readonly string[] };

/** Serves a catalog that no check changes. */
async function serve(
  kind: "nginx" | "varnish" | "varnish in groups",
  services: Readonly<Record<string, readonly Instance[]>>,
): Promise<string> {
  const directory = await testDirectory();
  const catalog = Object.entries(services).map(([name, instances]) => [
    name,
    instances.map(({ port, tags }) => ({
      address: "127.0.0.1",
      port,
      tags: tags.map((tag) => `route.${tag}`),
    })),
  ]);
  await writeFile(
    directory.at("catalog.yaml"),
    stringify({ services: Object.fromEntries(catalog) }),
  );
  const { listen, url } = await listenAddress();
  const varnish = kind === "nginx" ? undefined : await testVarnish(directory);
  const proxy =
    varnish === undefined
      ? nginxProxy(await testNginx(directory))
      : varnishProxy(varnish, { groups: kind === "varnish" ? "off" : 3 });
  const config = await writeConfig(directory, {
    catalog: { file: "catalog.yaml" },
    proxies: [proxy],
    values: { nginx: { listen } },
  });
  const { exitCode, output } = await runFairlead(["run", "-c", config, "--once"]);
  expect(exitCode, output).toBe(0);
  return varnish?.url ?? url;
}
