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
} from "../helpers/stage.ts";
import { until } from "../helpers/until.ts";

const PER_SECOND = 200;
const CHANGES = 30;
/** A machine that is busy elsewhere gets fewer requests instead of a queue that only grows. */
const OUTSTANDING = 40;

test("200 requests per second through nginx and through Varnish during 30 changes: none fails", async () => {
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
  const loads = [url, varnish.url].map((edge) => load(`${edge}/web/x`, stopLoad.signal));
  const applied = (proxy: string) =>
    fairlead.log().filter((line) => line.proxy === proxy && line.fate === "live").length;
  for (let i = 0; i < CHANGES; i += 1) {
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
  const results = await Promise.all(loads);
  for (const { sent, failures } of results) {
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(CHANGES * OUTSTANDING);
  }
}, 180_000);

/** Sends requests at a steady rate, half of them over connections of their own, until told to stop. */
async function load(
  target: string,
  signal: AbortSignal,
): Promise<{ readonly sent: number; readonly failures: readonly string[] }> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  const pending = new Set<Promise<void>>();
  const failures: string[] = [];
  let sent = 0;
  let dueMs = performance.now();
  while (!signal.aborted) {
    for (; dueMs < performance.now(); dueMs += 1_000 / PER_SECOND) {
      if (pending.size >= OUTSTANDING) continue;
      sent += 1;
      const one = request(target, sent % 2 === 0 ? { agent } : {})
        .then(({ status }) => void (status === 200 || failures.push(`status ${status}`)))
        .catch((error: Error) => void failures.push(error.message))
        .finally(() => pending.delete(one));
      pending.add(one);
    }
    await sleep(5);
  }
  await Promise.all(pending);
  agent.destroy();
  return { sent, failures };
}
