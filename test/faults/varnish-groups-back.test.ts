import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { withCli } from "../../src/proxy/varnish/cli-connection.ts";
import { adminStatus, adminUrl } from "../helpers/admin-address.ts";
import { testRefusingCli } from "../helpers/refusing-cli.ts";
import { request } from "../helpers/request.ts";
import type { SampleService } from "../helpers/sample-service.ts";
import { runFairlead } from "../helpers/start-fairlead.ts";
import {
  testDirectory,
  testFairlead,
  testService,
  testVarnish,
  varnishProxy,
  whoAnswers,
} from "../helpers/test-programs.ts";

/* A Varnish whose routes are split into groups, and ways back to a generation that it served before. */

/** The commands that switch from one generation to the next, in their order. */
const STEPS = {
  "the second of two groups that changed": /^vcl\.label fairlead_to_g\d/,
  "the new top": /^vcl\.use /,
  "the label of the generation": /^vcl\.label fairlead_to_generation /,
};

for (const [step, command] of Object.entries(STEPS)) {
  test(`refused half-way, at ${step}: all groups of before are back and served, and the new ones once they are taken`, async () => {
    const { fairlead, cli, change, service, other, served, loaded, url } = await start();
    const before = await loaded();
    const wrong = await whileAsking(`${url}/b/x`, async () => {
      let toPass = step.startsWith("the second") ? 1 : 0;
      cli.refuse((line) => command.test(line) && isSwitch(line, before) && toPass-- <= 0);
      const from = fairlead.log().length;
      await change({ a: [service, other], b: [service, other], c: [service], d: [other] });
      const failed = await fairlead.untilResult("failed", from);
      expect(failed.msg).toContain("the previous files are back and served");
      expect(failed.msg).toContain("not now");
      expect(cli.refused()).not.toEqual([]);
      expect(await loaded()).toEqual(before);
      expect(await served()).toEqual({ a: ["one"], b: ["one"], c: ["one"], d: ["status 404"] });
      cli.refuse(() => false);
      await fairlead.untilResult("live", from);
    });
    expect(wrong).toEqual([]);
    const both = ["one", "two"];
    expect(await served()).toEqual({ a: both, b: both, c: ["one"], d: ["two"] });
  });
}

test("rollback serves an earlier generation of groups, also after a restart of either, and resume the newest", async () => {
  const running = await start();
  const { directory, config, fairlead, varnish, change, service, other, served, loaded } = running;
  const first = await loaded();
  const newest = { a: ["two"], b: ["one"], c: ["status 404"], d: ["two"] };
  const from = fairlead.log().length;
  await change({ a: [service, other], b: [service], c: [service] });
  await fairlead.untilResult("live", from);
  await change({ a: [other], b: [service], d: [other] });
  await fairlead.untilLog("the third is live", ({ generation }) => generation === 3, from);
  expect(await served()).toEqual(newest);

  const file = directory.at("fairlead.yaml");
  const command = (...words: readonly string[]) => runFairlead([...words, "-c", file]);
  const back = await command("rollback", "cache", "1");
  expect(back.exitCode, back.output).toBe(0);
  const old = { a: ["one"], b: ["one"], c: ["one"], d: ["status 404"] };
  expect(await served()).toEqual(old);
  expect((await loaded()).files).toEqual(first.files);
  expect(await adminStatus(await adminUrl(directory))).toMatchObject({
    control: { mode: "rolled-back", generation: 1 },
    isServed: true,
  });

  await fairlead.stop();
  await varnish.startAgain();
  const next = await testFairlead(directory, config);
  await next.untilResult("live");
  expect(await served()).toEqual(old);

  const resumed = await command("resume", "cache");
  expect(resumed.exitCode, resumed.output).toBe(0);
  expect(await served()).toEqual(newest);
});

/** Three services on one server, in five groups, and something between Fairlead and Varnish's CLI. */
async function start() {
  const directory = await testDirectory();
  const [service, other] = await Promise.all([testService("one"), testService("two")]);
  const change = (catalog: Readonly<Record<string, readonly SampleService[]>>) =>
    writeFile(directory.at("catalog.yaml"), stringify({ services: asCatalog(catalog) }));
  await change({ a: [service], b: [service], c: [service] });
  const varnish = await testVarnish(directory);
  const cli = await testRefusingCli(varnish.admin);
  const { secretFile } = varnish;
  const admin = { address: cli.address, secretFile };
  const config = {
    catalog: { file: "catalog.yaml" },
    routes: { linger: "0s" },
    proxies: [varnishProxy(varnish, { groups: 5, admin, guard: { maxDrop: "100%" } })],
  };
  const fairlead = await testFairlead(directory, config);
  await fairlead.untilResult("live");
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  return {
    directory,
    config,
    fairlead,
    varnish,
    cli,
    change,
    service,
    other,
    url: varnish.url,
    /** Who answers each route. */
    async served() {
      const names = ["a", "b", "c", "d"];
      const answers = names.map(async (name) => {
        const found = await whoAnswers(`${varnish.url}/${name}/`, 6);
        return [name, [...found].toSorted()] as const;
      });
      return Object.fromEntries(await Promise.all(answers));
    },
    /** The live files, the active VCL, and each label with what it leads to. */
    async loaded() {
      const { body } = await withCli(
        { address: varnish.admin, secretFile },
        ending.signal,
        (connection) => connection.send(["vcl.list"]),
      );
      const lines = body.split("\n");
      return {
        top: /^active .* (fairlead_top_\S+)/m.exec(body)?.[1] ?? body,
        labels: lines.flatMap((line) => {
          const [, label = "", target = ""] = /(fairlead_to_\S+)\s+->\s+(\S+)/.exec(line) ?? [];
          return label === "" ? [] : [label, target];
        }),
        files: await filesIn(dirname(varnish.vcl)),
      };
    },
  };
}

/** Whether a command gives a label that there was before, or requests, to something new; not back to what was there. */
function isSwitch(
  command: string,
  { top, labels }: { readonly top: string; readonly labels: readonly string[] },
): boolean {
  const [verb, first = "", target = ""] = command.split(" ");
  return verb === "vcl.use" ? first !== top : labels.includes(first) && !labels.includes(target);
}

async function filesIn(directory: string): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(directory)).filter((name) => name.startsWith("services."));
  const texts = names.map(async (name) => [name, await readFile(join(directory, name), "utf8")]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

/** Requests what always has a server meanwhile. @returns what was not answered with 200 */
async function whileAsking(url: string, work: () => Promise<void>): Promise<readonly string[]> {
  const wrong: string[] = [];
  const asking = { isOver: false };
  const asked = (async () => {
    while (!asking.isOver) {
      const { status } = await request(url);
      if (status !== 200) wrong.push(`status ${status}`);
    }
  })();
  try {
    await work();
  } finally {
    asking.isOver = true;
    await asked;
  }
  return wrong;
}

const asCatalog = (services: Readonly<Record<string, readonly SampleService[]>>) =>
  Object.fromEntries(
    Object.entries(services).map(([name, instances]) => [
      name,
      instances.map(({ port }) => ({ address: "127.0.0.1", port })),
    ]),
  );
