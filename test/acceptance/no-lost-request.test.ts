import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { request } from "../helpers/request.ts";
import {
  listenAddress,
  nginxProxy,
  testConsul,
  testDirectory,
  testFairlead,
  testNginx,
  testServiceProcess,
  testVarnish,
  varnishProxy,
  whoAnswers,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

const PER_SECOND = 200;
const CHANGES = 30;
/** So many are sent to each in any case: changes go on until they are. */
const REQUESTS = 3_000;
/** A machine that is busy elsewhere takes longer, instead of a queue that only grows. */
const OUTSTANDING = PER_SECOND;

test("3,000 requests each through nginx and through Varnish, 200 per second, during 30 changes or more: none fails", async () => {
  const directory = await testDirectory();
  const [consul, nginx, varnish, ...services] = await Promise.all([
    testConsul(),
    testNginx(directory),
    testVarnish(directory),
    testServiceProcess("web-1"),
    testServiceProcess("web-2"),
    testServiceProcess("web-3"),
  ]);
  for (const { name, port } of services) await consul.register({ name: "web", id: name, port });
  const { listen, url } = await listenAddress();
  const fairlead = await testFairlead(directory, {
    consul: { address: consul.address },
    proxies: [nginxProxy(nginx), varnishProxy(varnish)],
    values: { nginx: { listen } },
  });
  for (const edge of [url, varnish.url]) {
    await until(`${edge} serves all`, async () => (await whoAnswers(`${edge}/web/`)).size === 3);
  }

  const stopLoad = new AbortController();
  const loads = [url, varnish.url].map((edge) => startLoad(`${edge}/web/x`, stopLoad.signal));
  const applied = (proxy: string) =>
    fairlead.log().filter((line) => line.proxy === proxy && line.result === "live").length;
  const isEnough = () => loads.every(({ sent }) => sent() >= REQUESTS);
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
  stopLoad.abort();
  for (const { ended, sent } of loads) {
    expect(await ended).toEqual([]);
    expect(sent()).toBeGreaterThanOrEqual(REQUESTS);
  }
}, 180_000);

interface Load {
  readonly sent: () => number;
  /** Why requests failed, once all are answered. */
  readonly ended: Promise<readonly string[]>;
}

/** Sends requests at a steady rate, half of them over connections of their own, until told to stop. */
function startLoad(target: string, signal: AbortSignal): Load {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  const pending = new Set<Promise<void>>();
  const failures: string[] = [];
  let sent = 0;
  return { sent: () => sent, ended: run() };

  async function run(): Promise<readonly string[]> {
    let dueMs = performance.now();
    while (!signal.aborted) {
      for (; dueMs < performance.now(); dueMs += 1_000 / PER_SECOND) {
        if (pending.size < OUTSTANDING) send();
      }
      await sleep(5);
    }
    await Promise.all(pending);
    agent.destroy();
    return failures;
  }

  function send(): void {
    sent += 1;
    const one = request(target, sent % 2 === 0 ? { agent } : {})
      .then(({ status }) => void (status === 200 || failures.push(`status ${status}`)))
      .catch((error: Error) => void failures.push(error.message))
      .finally(() => pending.delete(one));
    pending.add(one);
  }
}
