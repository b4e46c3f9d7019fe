import { createServer } from "node:http";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { type SiteConfig, startSite } from "../helpers/site.ts";
import { until } from "../helpers/until.ts";

test("the daemon is live at once and ready when the generation is proved; status and metrics agree", async () => {
  const { consul, nginx, adminUrl: url, start, status } = await startSite();
  await consul.register({ name: "web", port: 1_000 });
  await nginx.stop();
  const fairlead = await start();
  await until("it is live", async () => (await request(`${url}/live`)).status === 200);
  await fairlead.untilResult("failed");
  const unready = await request(`${url}/ready`);
  expect(unready.status).toBe(503);
  expect(unready.body).toContain("edge: failed: Cannot reload as nginx does not run");
  expect(await status()).toMatchObject({
    isServed: false,
    lastError: { result: "failed", message: expect.stringContaining("nginx does not run") },
  });

  await nginx.startAgain();
  await until("it is ready", async () => (await request(`${url}/ready`)).status === 200);
  const known = await status();
  expect(known).toMatchObject({
    name: "edge",
    kind: "nginx",
    isServed: true,
    lagMs: 0,
    waitingFor: [],
    leftOut: [],
    pinned: [],
    disconnected: [],
  });
  expect(known.live?.id).toBe(known.desired?.id);
  const metrics = await request(`${url}/metrics`);
  expect(metrics.headers["content-type"]).toContain("text/plain; version=0.0.4");
  expect(metrics.body).toContain('fairlead_served{proxy="edge"} 1\n');
  expect(metrics.body).toContain(`fairlead_live_generation{proxy="edge"} ${known.live?.number}\n`);
  expect(metrics.body).toMatch(/fairlead_generations_total\{proxy="edge",result="failed"\} \d/);
  expect(metrics.body).toContain('fairlead_generations_total{proxy="edge",result="live"} 1\n');
});

test("status and metrics name the service that is left out, and the saved template that cannot be used", async () => {
  const text =
    "{{#each (services)}}{{#each (service this)}}upstream {{meta.pool}} { server {{hostPort address port}}; }\n{{/each}}{{/each}}";
  const at = (pool: string) => [
    { address: "127.0.0.1", port: 1, id: `${pool[0]}-1`, meta: { pool } },
  ];
  const services = { evil: at("x; }"), good: at("good") };
  const site = await startSite({ catalog: { services }, template: text });
  const { adminUrl: url, template, status } = site;
  await site.start();
  await until("it is ready", async () => (await request(`${url}/ready`)).status === 200);
  expect((await status()).leftOut).toMatchObject([
    { service: "evil", instance: "x-1", field: 'meta pool="x; }"' },
  ]);
  const metrics = await request(`${url}/metrics`);
  expect(metrics.body).toContain('fairlead_left_out{proxy="edge",kind="instance"} 1\n');
  expect(metrics.body).toContain('fairlead_pinned_queries{proxy="edge"} 0\n');

  await site.saveTemplate(`${text}{{upper (servce "x")}}`);
  const { templateFault } = await until("the template's fault is reported", async () => {
    const now = await status();
    return now.templateFault === undefined ? undefined : now;
  });
  expect(templateFault).toMatchObject({
    message: expect.stringContaining(`${template}:2:28: unknown helper "servce"`),
  });
  expect((await request(`${url}/ready`)).status).toBe(200);
  await site.saveTemplate(text);
  await until("the fault is gone", async () => (await status()).templateFault === undefined);
});

describe("where it listens", () => {
  test("a default address that is taken is reported, and the daemon works without it", async () => {
    const occupied = createServer(() => undefined);
    const isOurs = await new Promise<boolean>((resolve) => {
      occupied.once("error", () => resolve(false)); // another daemon of this machine has it
      occupied.listen(9_700, "127.0.0.1", () => resolve(true));
    });
    onTestFinished(() => void (isOurs && occupied.close()));
    const { fairlead } = await startSmall({ admin: undefined });
    const warning = await fairlead.untilLog("it goes on", ({ msg }) =>
      msg.includes("continues without"),
    );
    expect(warning.hint).toContain("admin.listen");
    await fairlead.untilResult("live");
  });

  test("an address of the config's own that is taken is an error at the start", async () => {
    const port = await freePort();
    const occupied = createServer().listen(port, "127.0.0.1");
    await until("the port is taken", () => occupied.listening);
    onTestFinished(() => void occupied.close());
    const { fairlead } = await startSmall({ admin: { listen: `127.0.0.1:${port}` } });
    expect(await fairlead.ended).toBe(2);
    expect(fairlead.output()).toContain(`Cannot listen at 127.0.0.1:${port}`);
  });

  test("an address other than loopback needs a token", async () => {
    const port = await freePort();
    const { fairlead } = await startSmall({ admin: { listen: `0.0.0.0:${port}` } });
    expect(await fairlead.ended).toBe(2);
    expect(fairlead.output()).toContain(
      "admin.listen: expected a loopback address, or admin.token beside an address that others can reach",
    );
  });

  test("where a token is set, the probes need none, and everything else does", async () => {
    const port = await freePort();
    const admin = { listen: `0.0.0.0:${port}`, token: "planted-token" };
    const { fairlead } = await startSmall({ admin });
    await fairlead.untilResult("live");
    const url = `http://127.0.0.1:${port}`;
    const get = async (path: string, headers = {}) => await request(`${url}${path}`, { headers });
    await until("it is ready", async () => (await get("/ready")).status === 200);
    expect((await get("/live")).status).toBe(200);
    for (const path of ["/metrics", "/v1/status", "/else"]) {
      expect((await get(path)).status).toBe(401);
    }
    const headers = { authorization: "Bearer planted-token" };
    expect((await get("/v1/status", headers)).status).toBe(200);
    expect((await get("/else", headers)).status).toBe(404);
    expect(fairlead.output()).not.toContain("planted-token");
  });
});

test("a client that sends nothing, or too much, is cut off", async () => {
  const { fairlead, url } = await startSmall({});
  await fairlead.untilResult("live");
  const post = async (body: string) =>
    await request(`${url}/v1/proxies/edge/rollback`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
  const filled = (bytes: number) => `{"generation":9${" ".repeat(bytes - 16)}}`;
  expect(await post(filled(16_384))).toMatchObject({ status: 409 }); // there is no generation 9
  for (const bytes of [16_385, 4 * 1024 * 1024]) {
    const tooMuch = await post(filled(bytes));
    expect(tooMuch).toMatchObject({ status: 413, headers: { connection: "close" } });
    expect(tooMuch.body).toContain("Cannot read more than 16384 bytes");
  }
  const { port } = new URL(url);
  const slow = connect(Number(port), "127.0.0.1");
  slow.write("GET /live HTTP/1.1\r\nhost: 127.0.0.1\r\n");
  const start = performance.now();
  const ended = new Promise<number>((resolve) =>
    slow.once("close", () => resolve(performance.now() - start)),
  );
  slow.on("error", () => undefined).resume();
  const big = await request(`${url}/live`, { headers: { big: "x".repeat(20_000) } });
  expect(big.status).toBe(431);
  expect(await ended).toBeLessThan(9_000);
});

/** A daemon of one file that nginx never sees, so that it is up quickly. */
async function startSmall(config: SiteConfig) {
  const site = await startSite({ catalog: {}, template: "# nothing\n" });
  return { fairlead: await site.start(config), url: site.adminUrl };
}
