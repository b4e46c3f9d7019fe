import { readFile, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../../src/config/load-config.ts";
import type { VarnishConfig } from "../../src/config/proxy-schema.ts";
import { withCli } from "../../src/proxy/varnish/cli-connection.ts";
import { createVarnishDriver } from "../../src/proxy/varnish/varnish-driver.ts";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { startSite } from "../helpers/site.ts";
import { testDirectory, testService, testVarnish } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

/* A Varnish that panics, hangs, keeps an old VCL, has sick backends, or cuts its answers off; and what comes after. */

test("a panic of the child needs nothing: its manager starts it again with the same VCL", async () => {
  const { varnish, driver, put, generation, signal, cli } = await startDriver();
  const service = await testService("one");
  await put(backend(service.port));
  await driver.reload(generation(1), signal);
  await driver.prove(generation(1), signal);
  await cli(["debug.panic.worker"]);
  await until("it serves again", async () => (await request(`${varnish.url}/x`)).status === 200);
  expect((await cli(["panic.show"])).status).toBe(200);
  expect(await driver.serves(generation(1), undefined, signal)).toBe(true);
  await driver.reload(generation(2), signal);
  expect((await driver.prove(generation(2), signal)).evidence).toContain("fairlead_2_");
});

test("a CLI that hangs is given up in time, and used again once it answers", async () => {
  const { driver, put, generation, signal, gate } = await startDriver({ gate: true });
  await put(backend(1));
  gate?.hang(true);
  await expect(driver.reload(generation(1), signal)).rejects.toMatchObject({
    code: "RELOAD_FAILED",
    message: expect.stringContaining("did not answer the greeting within 5000 ms"),
  });
  gate?.hang(false);
  await driver.reload(generation(1), signal);
  expect((await driver.prove(generation(1), signal)).evidence).toContain("fairlead_1_");
});

test("a wrong secret is named, leaves what is served alone, and goes live by itself once it is right", async () => {
  const site = await startSite({
    varnish: ({ admin }) => ({ admin: { address: admin, secretFile: "secret" } }),
    catalog: {},
    template: "vcl 4.1; backend default none; sub vcl_recv { return (synth(418)); }\n",
  });
  const { varnish } = site;
  const secret = await readFile(varnish.secretFile);
  const secretFile = site.directory.at("secret"); // varnishd reads its own again for each connection
  await writeFile(secretFile, "wrong\n");
  const before = await readFile(varnish.vcl);
  const fairlead = await site.start();
  const failed = await fairlead.untilResult("failed");
  expect(failed.msg).toContain(`it refuses the secret of "${secretFile}"`);
  expect(failed.hint).toContain("admin.secretFile");
  expect((await request(varnish.url)).status).toBe(503);
  expect(await readFile(varnish.vcl)).toEqual(before);
  await writeFile(secretFile, secret);
  await fairlead.untilResult("live");
  expect((await request(varnish.url)).status).toBe(418);
});

test("a VCL that cannot be discarded is named once, and goes when it can", async () => {
  const { driver, put, generation, signal, cli, lines } = await startDriver();
  await put(backend(1));
  const next = async (number: number) => {
    await driver.reload(generation(number), signal);
    await driver.prove(generation(number), signal);
  };
  await next(1);
  await cli(["vcl.label", "mine", "fairlead_1_0000000000a1"]);
  for (const number of [2, 3, 4, 5]) await next(number);
  const said = lines().filter(({ msg }) => msg.includes("does not discard"));
  expect(said).toHaveLength(1);
  expect(said[0]?.msg).toContain('"fairlead_1_0000000000a1"');
  await cli(["vcl.discard", "mine"]);
  await next(6);
  expect((await cli(["vcl.list"])).body).not.toMatch(/^available.*fairlead_1_/m);
});

test("the wait for probes that never succeed is bounded, and their backends are named", async () => {
  const { driver, put, generation, signal, lines } = await startDriver();
  await put(
    `vcl 4.1; backend a { .host = "127.0.0.1"; .port = "1"; .probe = { .url = "/"; .interval = 1s; } }\n`,
  );
  await driver.reload(generation(1), signal);
  expect((await driver.prove(generation(1), signal)).evidence).toContain("fairlead_1_");
  const said = lines().find(({ msg }) => msg.includes("still sick"));
  expect(said?.msg).toBe("1 probed backends are still sick; using the new VCL all the same");
});

test("answers that are cut off neither hide a sick backend nor a VCL that was loaded", async () => {
  const { varnish, driver, put, generation, signal, cli, lines } = await startDriver();
  const service = await testService("one");
  expect((await cli(["param.set", "cli_limit", "1k"])).status).toBe(200);
  const probed = (name: string, port: number) =>
    `backend ${name} { .host = "127.0.0.1"; .port = "${port}"; .probe = { .url = "/health"; .interval = 1s; } }`;
  const names = Array.from({ length: 12 }, (_, i) => `b_web_${i}`);
  const all = [...names.map((name) => probed(name, service.port)), probed("b_zz_bad", 1)];
  const init = [...names, "b_zz_bad"].map((name) => `d.add_backend(${name});`).join(" ");
  await put(
    `vcl 4.1; import directors; ${all.join("\n")} sub vcl_init { new d = directors.round_robin(); ${init} } sub vcl_recv { set req.backend_hint = d.backend(); }\n`,
  );
  await driver.reload(generation(1), signal);
  expect((await driver.prove(generation(1), signal)).evidence).toContain("fairlead_1_");
  const said = lines().find(({ msg }) => msg.includes("still sick"));
  expect(said?.["backends"]).toEqual([expect.stringContaining("b_zz_bad")]);
  expect((await request(`${varnish.url}/x`)).status).toBe(200);
});

const backend = (port: number): string =>
  `vcl 4.1; backend a { .host = "127.0.0.1"; .port = "${port}"; }\n`;

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A driver, a real Varnish, and with `gate` something in front of its CLI that can hang. */
async function startDriver(options: { readonly gate?: boolean } = {}) {
  const directory = await testDirectory();
  const varnish = await testVarnish(directory);
  const gate = options.gate === true ? await hangingGate(varnish.admin) : undefined;
  const { secretFile } = varnish;
  const proxy = {
    name: "cache",
    kind: "varnish",
    admin: { address: gate?.address ?? varnish.admin, secretFile },
    files: [{ template: "x", path: varnish.vcl }],
  };
  const { proxies } = parseConfig(JSON.stringify({ proxies: [proxy] }), {
    file: directory.at("fairlead.yaml"),
    environment: {},
  });
  const written: string[] = [];
  const log = pino({ base: null }, { write: (line) => void written.push(line) });
  const driver = createVarnishDriver(proxies[0] as VarnishConfig, {
    log,
    state: directory.at("state"),
  });
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  const { signal } = ending;
  return {
    varnish,
    driver,
    gate,
    signal,
    lines: () => written.map((line) => JSON.parse(line) as Line),
    put: async (vcl: string) => await writeFile(varnish.vcl, vcl),
    generation: (number: number) => ({ number, id: `0000000000a${number}`, paths: [varnish.vcl] }),
    cli: async (words: readonly string[]) =>
      await withCli({ address: varnish.admin, secretFile }, signal, (it) => it.send(words)),
  };
}

/** Hands connections on; while it hangs it accepts them and sends nothing. */
async function hangingGate(target: string) {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let hangs = false;
  const server = createServer((incoming) => {
    sockets.add(incoming);
    incoming.on("error", () => incoming.destroy());
    if (hangs) return;
    const onward = connect(Number(target.split(":")[1]), "127.0.0.1");
    onward.on("error", () => incoming.destroy());
    incoming.on("close", () => onward.destroy());
    incoming.pipe(onward).pipe(incoming);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    address: `127.0.0.1:${port}`,
    hang(to: boolean) {
      hangs = to;
    },
  };
}
