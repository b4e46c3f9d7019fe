import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import type { Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { withCli } from "../../src/proxy/varnish/cli-connection.ts";
import { request } from "../helpers/request.ts";
import type { SampleService } from "../helpers/sample-service.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import type { Varnish, VarnishOptions } from "../helpers/start-varnish.ts";
import {
  testDirectory,
  testFairlead,
  testService,
  testVarnish,
  varnishProxy,
  whoAnswers,
  writeConfig,
} from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";

/* A Varnish whose routes are split into groups, over changes, restarts and refusals. */

test("compiles only the group of the service that changed, and the top when routes change; nothing old stays loaded", async () => {
  const { fairlead, vcls, change, service, other, url } = await start();
  const before = await vcls();
  let from = fairlead.log().length;
  await change({ a: [service, other], b: [service], c: [service] });
  await fairlead.untilResult("live", from);
  const changed = (await vcls()).filter((it) => !before.includes(it));
  expect(changed.map(kindOf)).toEqual(["group", "generation"]);
  expect([...(await whoAnswers(`${url}/a/`, 6))].toSorted()).toEqual(["one", "two"]);

  const middle = await vcls();
  from = fairlead.log().length;
  await change({ a: [service, other], b: [service], c: [service], d: [other] });
  await fairlead.untilResult("live", from);
  const after = await vcls();
  const kinds = after.filter((it) => !middle.includes(it)).map(kindOf);
  expect(kinds.filter((kind) => kind === "top")).toHaveLength(1);
  expect(kinds.filter((kind) => kind === "group")).toHaveLength(1);
  expect([...(await whoAnswers(`${url}/d/`, 2))]).toEqual(["two"]);
  await until(
    "old parts are gone",
    async () => (await vcls()).filter((it) => kindOf(it) === "top").length === 1,
  );
});

test("no request is refused while routes come and go", async () => {
  const { fairlead, change, service, other, url } = await start();
  const wrong: string[] = [];
  const storm = { isOver: false };
  const asking = (async () => {
    while (!storm.isOver) {
      const { status } = await request(`${url}/a/deep/x`);
      if (status !== 200) wrong.push(`status ${status}`);
    }
  })();
  for (let i = 0; i < 6; i += 1) {
    const from = fairlead.log().length;
    // What is below /a/deep belongs to another service now and then, in another group.
    const deep = i % 2 === 0 ? { deep: [other] } : {};
    await change({ a: [service, other].slice(i % 2), b: [service], c: [service], ...deep });
    await fairlead.untilResult("live", from);
  }
  storm.isOver = true;
  await asking;
  expect(wrong).toEqual([]);
});

test("goes back to parts that were given up, but still serve a request", async () => {
  const { fairlead, change, service, other, url } = await start();
  const socket = await openWebsocket(`${url}/a/`);
  for (const more of [{ d: [other] }, {}, { d: [other] }]) {
    const from = fairlead.log().length;
    await change({ a: [service], b: [service], c: [service], ...more });
    const ended = await fairlead.untilLog("it ended", ({ result }) => result !== undefined, from);
    expect(ended.result).toBe("live");
  }
  expect([...(await whoAnswers(`${url}/d/`, 2))]).toEqual(["two"]);
  expect(socket.destroyed).toBe(false);
});

/** A connection that keeps the VCL that it began with. */
async function openWebsocket(url: string): Promise<Socket> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const outgoing = http.request(url, {
      headers: {
        connection: "upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      },
    });
    outgoing.once("upgrade", (_response, socket) => resolve(socket));
    outgoing.once("response", ({ statusCode }) => reject(new Error(`status ${statusCode}`)));
    outgoing.once("error", reject);
    outgoing.end();
  });
  onTestFinished(() => void socket.destroy());
  return socket;
}

test("a Varnish that was started again with the VCL file alone gets its groups back from Fairlead", async () => {
  const { fairlead, varnish, url } = await start();
  const from = fairlead.log().length;
  await varnish.startAgain();
  await fairlead.untilLog("it is seen", ({ msg }) => msg.includes("no longer"), from);
  await fairlead.untilResult("live", from);
  expect([...(await whoAnswers(`${url}/a/`, 2))]).toEqual(["one"]);
});

test("a Varnish that boots with -I and the script has all groups without Fairlead, and Fairlead loads nothing again", async () => {
  const running = await start({ boot: "services.cli" });
  await running.fairlead.stop();
  await running.varnish.startAgain();
  expect([...(await whoAnswers(`${running.url}/a/`, 2))]).toEqual(["one"]);
  const before = await running.vcls();
  const next = await testFairlead(running.directory, running.config);
  await next.untilLog("it is live already", ({ msg }) => msg.includes("is live already"));
  expect(await running.vcls()).toEqual(before);
});

test("a part that Varnish refuses changes nothing, and is named with its live path", async () => {
  const { directory, varnish, vcls, config } = await start({}, { once: true });
  const before = await vcls();
  const live = await readFile(varnish.vcl.replace(".vcl", ".cli"), "utf8");
  await writeFile(
    directory.at("broken.vcl.hbs"),
    `vcl 4.1;
backend default none;
{{#if (eq part.kind "group")}}
nonsense
{{/if}}
sub vcl_recv { return (synth({{length part.routes}}00)); }
`,
  );
  const broken = JSON.parse(
    JSON.stringify(config).replace("builtin:varnish/service-proxy.vcl", "broken.vcl.hbs"),
  ) as object;
  const file = await writeConfig(directory, broken);
  const { exitCode, log, output } = await runFairlead(["run", "-c", file, "--once"]);
  expect(exitCode, output).toBe(1);
  const refused = log.find(({ result }) => result === "refused")?.msg;
  expect(refused).toMatch(/services\.g\d\d\.vcl' Line 3/);
  expect(refused).not.toContain("fairlead-new");
  expect(await vcls()).toEqual(expect.arrayContaining([...before]));
  expect([...(await whoAnswers(`${varnish.url}/a/`, 2))]).toEqual(["one"]);
  expect(await readFile(varnish.vcl.replace(".vcl", ".cli"), "utf8")).toBe(live);
});

test("check compiles each part by itself, also where no Varnish runs", async () => {
  const { directory, varnish, config } = await start({}, { once: true });
  await varnish.stop();
  const file = await writeConfig(directory, config);
  await writeFile(
    directory.at("catalog.yaml"),
    "services: { z: [{ address: 10.0.0.1, port: 80 }] }\n",
  );
  const well = await runFairlead(["check", "-c", file]);
  expect(well.exitCode, well.output).toBe(0);
  await writeFile(
    directory.at("broken.vcl.hbs"),
    'vcl 4.1;\nbackend default none;\n{{#if (eq part.kind "top")}}nonsense{{/if}}\n',
  );
  const broken = JSON.stringify(config).replace(
    "builtin:varnish/service-proxy.vcl",
    "broken.vcl.hbs",
  );
  await writeConfig(directory, JSON.parse(broken) as object);
  const refused = await runFairlead(["check", "-c", file]);
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain(varnish.vcl.replace(".vcl", ".top.vcl"));
});

test("goes over from one VCL to groups and back, and leaves nothing loaded behind", async () => {
  const { directory, vcls, config, url } = await start({}, { once: true });
  const ungrouped = JSON.parse(
    JSON.stringify(config).replace('"groups":5', '"groups":"off"'),
  ) as object;
  const file = await writeConfig(directory, ungrouped);
  expect((await runFairlead(["run", "-c", file, "--once"])).exitCode).toBe(0);
  expect((await vcls()).map(kindOf)).toEqual(["other", "other"]);
  expect([...(await whoAnswers(`${url}/a/`, 1))]).toEqual(["one"]);
  await writeConfig(directory, config);
  expect((await runFairlead(["run", "-c", file, "--once"])).exitCode).toBe(0);
  expect((await vcls()).filter((it) => kindOf(it) === "other")).toEqual(["boot"]);
  expect([...(await whoAnswers(`${url}/a/`, 1))]).toEqual(["one"]);
});

/** Three services on one server, in five groups. */
async function start(varnishOptions: VarnishOptions = {}, { once = false } = {}) {
  const directory = await testDirectory();
  const [service, other] = await Promise.all([testService("one"), testService("two")]);
  const change = async (catalog: Readonly<Record<string, readonly SampleService[]>>) =>
    await writeFile(directory.at("catalog.yaml"), stringify({ services: asCatalog(catalog) }));
  await change({ a: [service], b: [service], c: [service] });
  const config = (varnish: Varnish) => ({
    catalog: { file: "catalog.yaml" },
    routes: { linger: "0s" },
    proxies: [varnishProxy(varnish, { groups: 5 })],
  });
  const varnish = await testVarnish(directory, varnishOptions);
  const made = config(varnish);
  const file = await writeConfig(directory, made);
  const fairlead = await testFairlead(directory, made, once ? { args: ["--once"] } : {});
  if (once) expect(await fairlead.ended).toBe(0);
  await fairlead.untilResult("live").catch((error: unknown) => {
    if (!once) throw error;
  });
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  /** The names of what is loaded, without labels and without what only waits for its last request. */
  const vcls = async () => {
    const cli = { address: varnish.admin, secretFile: varnish.secretFile };
    const { body } = await withCli(cli, ending.signal, (it) => it.send(["vcl.list"]));
    return body
      .split("\n")
      .filter((line) => line.trim() !== "" && !/^discarded| label /.test(line))
      .map((line) => /^\S+\s+\S+\s+\S+\s+\d+\s+(\S+)/.exec(line)?.[1] ?? line);
  };
  return {
    directory,
    file,
    fairlead,
    varnish,
    vcls,
    change,
    service,
    other,
    config: made,
    url: varnish.url,
  };
}

const asCatalog = (services: Readonly<Record<string, readonly SampleService[]>>) =>
  Object.fromEntries(
    Object.entries(services).map(([name, instances]) => [
      name,
      instances.map(({ port }) => ({
        address: "127.0.0.1",
        port,
        tags: name === "deep" ? ["route.path=/a/deep"] : [],
      })),
    ]),
  );

const kindOf = (name: string): string =>
  /^fairlead_g\d\d_/.test(name)
    ? "group"
    : (/^fairlead_(top|generation)_/.exec(name)?.[1] ?? "other");
