import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { testRefusingCli } from "../helpers/refusing-cli.ts";
import { whoAnswers } from "../helpers/test-programs.ts";
import { whileAsking } from "../helpers/while-asking.ts";
import { startGroupedSite } from "./grouped-site.ts";

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
  const { site, fairlead, varnish, change, service, other, served, loaded } = running;
  const first = await loaded();
  const newest = { a: ["two"], b: ["one"], c: ["status 404"], d: ["two"] };
  const from = fairlead.log().length;
  await change({ a: [service, other], b: [service], c: [service] });
  await fairlead.untilResult("live", from);
  await change({ a: [other], b: [service], d: [other] });
  await fairlead.untilLog("the third is live", ({ generation }) => generation === 3, from);
  expect(await served()).toEqual(newest);

  const back = await site.run("rollback", "cache", "1");
  expect(back.exitCode, back.output).toBe(0);
  const old = { a: ["one"], b: ["one"], c: ["one"], d: ["status 404"] };
  expect(await served()).toEqual(old);
  expect((await loaded()).files).toEqual(first.files);
  expect(await site.status()).toMatchObject({
    control: { mode: "rolled-back", generation: 1 },
    isServed: true,
  });

  await fairlead.stop();
  await varnish.startAgain();
  const next = await site.start();
  await next.untilResult("live");
  expect(await served()).toEqual(old);

  const resumed = await site.run("resume", "cache");
  expect(resumed.exitCode, resumed.output).toBe(0);
  expect(await served()).toEqual(newest);
});

/** Three services on one server, in five groups, and something between Fairlead and Varnish's CLI. */
async function start() {
  const grouped = await startGroupedSite();
  const { site, varnish } = grouped;
  const cli = await testRefusingCli(varnish.admin);
  const admin = { address: cli.address, secretFile: varnish.secretFile };
  await grouped.configure({ admin, guard: { maxDrop: "100%" } });
  const fairlead = await site.start();
  await fairlead.untilResult("live");
  return {
    ...grouped,
    fairlead,
    cli,
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
      const body = await grouped.loadedVcls();
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
