import { readFile } from "node:fs/promises";
import http from "node:http";
import type { Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { VarnishOptions } from "../helpers/start-varnish.ts";
import { whoAnswers } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";
import { whileAsking } from "../helpers/while-asking.ts";
import { startGroupedSite } from "./grouped-site.ts";

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
  const wrong = await whileAsking(`${url}/a/deep/x`, async () => {
    for (let i = 0; i < 6; i += 1) {
      const from = fairlead.log().length;
      // What is below /a/deep belongs to another service now and then, in another group.
      const deep = i % 2 === 0 ? { deep: [other] } : {};
      await change({ a: [service, other].slice(i % 2), b: [service], c: [service], ...deep });
      await fairlead.untilResult("live", from);
    }
  });
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
  const next = await running.site.start();
  await next.untilLog("it is live already", ({ msg }) => msg.includes("is live already"));
  expect(await running.vcls()).toEqual(before);
});

test("a part that Varnish refuses changes nothing, and is named with its live path", async () => {
  const { site, varnish, vcls, useTemplate } = await start({}, { once: true });
  const before = await vcls();
  const live = await readFile(varnish.vcl.replace(".vcl", ".cli"), "utf8");
  await useTemplate(
    `vcl 4.1;
backend default none;
{{#if (eq part.kind "group")}}
nonsense
{{/if}}
sub vcl_recv { return (synth({{length part.routes}}00)); }
`,
  );
  const { exitCode, log, output } = await site.run("run", "--once");
  expect(exitCode, output).toBe(1);
  const refused = log.find(({ result }) => result === "refused")?.msg;
  expect(refused).toMatch(/services\.g\d\d\.vcl' Line 3/);
  expect(refused).not.toContain("fairlead-new");
  expect(await vcls()).toEqual(expect.arrayContaining([...before]));
  expect([...(await whoAnswers(`${varnish.url}/a/`, 2))]).toEqual(["one"]);
  expect(await readFile(varnish.vcl.replace(".vcl", ".cli"), "utf8")).toBe(live);
});

test("check compiles each part by itself, also where no Varnish runs", async () => {
  const { site, varnish, useTemplate } = await start({}, { once: true });
  await varnish.stop();
  await site.saveCatalog("services: { z: [{ address: 10.0.0.1, port: 80 }] }\n");
  const well = await site.run("check");
  expect(well.exitCode, well.output).toBe(0);
  await useTemplate(
    'vcl 4.1;\nbackend default none;\n{{#if (eq part.kind "top")}}nonsense{{/if}}\n',
  );
  const refused = await site.run("check");
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain(varnish.vcl.replace(".vcl", ".top.vcl"));
});

test("goes over from one VCL to groups and back, and leaves nothing loaded behind", async () => {
  const { site, configure, vcls, url } = await start({}, { once: true });
  await configure({ groups: "off" });
  expect((await site.run("run", "--once")).exitCode).toBe(0);
  expect((await vcls()).map(kindOf)).toEqual(["other", "other"]);
  expect([...(await whoAnswers(`${url}/a/`, 1))]).toEqual(["one"]);
  await configure();
  expect((await site.run("run", "--once")).exitCode).toBe(0);
  expect((await vcls()).filter((it) => kindOf(it) === "other")).toEqual(["boot"]);
  expect([...(await whoAnswers(`${url}/a/`, 1))]).toEqual(["one"]);
});

/** Three services on one server, in five groups. */
async function start(varnishOptions: VarnishOptions = {}, { once = false } = {}) {
  const grouped = await startGroupedSite(varnishOptions);
  const { site, varnish } = grouped;
  const fairlead = await site.start(undefined, once ? { args: ["--once"] } : {});
  if (once) expect(await fairlead.ended).toBe(0);
  await fairlead.untilResult("live").catch((error: unknown) => {
    if (!once) throw error;
  });
  return {
    ...grouped,
    fairlead,
    /** The names of what is loaded, without labels and without what only waits for its last request. */
    vcls: async () =>
      (await grouped.loadedVcls())
        .split("\n")
        .filter((line) => line.trim() !== "" && !/^discarded| label /.test(line))
        .map((line) => /^\S+\s+\S+\s+\S+\s+\d+\s+(\S+)/.exec(line)?.[1] ?? line),
    /** Renders the VCL from that text from now on. */
    async useTemplate(text: string) {
      await site.save("broken.vcl.hbs", text);
      const files = [{ template: "broken.vcl.hbs", path: varnish.vcl }];
      await grouped.configure({ files });
    },
  };
}

const kindOf = (name: string): string =>
  /^fairlead_g\d\d_/.test(name)
    ? "group"
    : (/^fairlead_(top|generation)_/.exec(name)?.[1] ?? "other");
