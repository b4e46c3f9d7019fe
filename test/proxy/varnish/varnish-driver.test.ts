import { mkdtemp, writeFile } from "node:fs/promises";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../../../src/config/load-config.ts";
import type { VarnishConfig } from "../../../src/config/proxy-schema.ts";
import { parseBackendHealth } from "../../../src/proxy/varnish/backend-health.ts";
import { withCli } from "../../../src/proxy/varnish/cli-connection.ts";
import { encodeCommand, parseCliAnswer } from "../../../src/proxy/varnish/cli-frame.ts";
import { createVarnishDriver } from "../../../src/proxy/varnish/varnish-driver.ts";
import { newVclName, outdated } from "../../../src/proxy/varnish/vcl-list.ts";
import { testRefusingCli } from "../../helpers/refusing-cli.ts";
import { request } from "../../helpers/request.ts";
import { testDirectory, testService, testVarnish } from "../../helpers/test-programs.ts";

describe("CLI frames", () => {
  test("are complete, whatever pieces they arrive in", () => {
    const bytes = Buffer.from("200 5       \nhello\n106 0       \n\n");
    for (let length = 0; length < 19; length += 1)
      expect(parseCliAnswer(bytes.subarray(0, length))).toBeUndefined();
    expect(parseCliAnswer(bytes)).toEqual({ answer: { status: 200, body: "hello" }, bytes: 19 });
    expect(parseCliAnswer(bytes.subarray(19))).toEqual({
      answer: { status: 106, body: "" },
      bytes: 14,
    });
  });

  test("an answer of another protocol is refused", () => {
    expect(() => parseCliAnswer(Buffer.from("HTTP/1.1 400 Bad Request"))).toThrow("no Varnish CLI");
  });

  test.each(["a b", 'x" y', "a\nparam.set x y", "\\", "", "é\u2028"])(
    "the word %j stays one word",
    (word) => {
      const line = encodeCommand(["vcl.use", word]);
      expect(line.endsWith("\n")).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(/[\n\r]/);
      expect(line.trimEnd().split(" ")).toHaveLength(2);
    },
  );
});

test("Fairlead's old VCLs are outdated except the last two; other VCLs never are", () => {
  const loaded = [
    "boot",
    "fairlead_1_0123456789ab",
    "fairlead_2_0123456789ab",
    "mine",
    "fairlead_3_0123456789ab_2",
    "fairlead_4_0123456789ab",
  ];
  const list = loaded.map((name) => ({
    name,
    isActive: name === "fairlead_4_0123456789ab",
    isDiscarded: false,
  }));
  expect(outdated(list)).toEqual(["fairlead_1_0123456789ab"]);
  expect(newVclName({ number: 4, id: "0123456789ab", paths: [] }, list)).toBe(
    "fairlead_4_0123456789ab_2",
  );
});

test("parseBackendHealth() counts probed backends only", () => {
  const body = JSON.stringify([
    3,
    ["backend.list", "-j"],
    1,
    {
      "v.a": { type: "backend", admin_health: "probe", probe_message: [1, 8, "sick"] },
      "v.b": { type: "backend", admin_health: "healthy", probe_message: [0, 0, "healthy"] },
      "v.d": { type: "round-robin", admin_health: "probe", probe_message: [1, 2, "sick"] },
    },
  ]);
  expect(parseBackendHealth(body)).toEqual({ probed: 1, sick: ["v.a"] });
});

describe("createVarnishDriver()", () => {
  test("checks, loads, proves, discards; probes are awaited, so that no request meets a sick backend", async ({
    signal,
  }) => {
    const { varnish, driver, put, generation } = await stage();
    const service = await testService("web-1");
    const vcl = `vcl 4.1; backend a { .host = "127.0.0.1"; .port = "${service.port}"; .probe = { .url = "/health"; .interval = 1s; } }\n`;
    for (let number = 1; number <= 5; number += 1) {
      await put(`${vcl}# ${number}\n`);
      await driver.reload(generation(number), signal);
      const proof = await driver.prove(generation(number), signal);
      expect(proof.evidence).toMatch(
        new RegExp(
          `^VCL fairlead_${number}_0000000000a${number} is active in varnishd ${varnish.pid()}$`,
        ),
      );
      expect((await request(`${varnish.url}/x`)).status).toBe(200);
    }
    const { body } = await withCli(
      { address: varnish.admin, secretFile: varnish.secretFile },
      signal,
      (cli) => cli.send(["vcl.list"]),
    );
    const kept = body
      .split("\n")
      .filter((line) => !line.startsWith("discarded"))
      .join("\n");
    expect([...kept.matchAll(/\S+_(\d)_0{9}\S+/g)].map(([, number]) => number)).toEqual([
      "3",
      "4",
      "5",
    ]);
    expect(body).toContain("boot");
    expect(await driver.serves(generation(5), undefined, signal)).toBe(true);
    expect(await driver.serves(generation(4), undefined, signal)).toBe(false);

    await varnish.startAgain(); // boots with the live file: that is the generation
    expect(await driver.serves(generation(5), undefined, signal)).toBe(true);
    await put("vcl 4.1; backend default none;\n");
    expect(await driver.serves(generation(5), undefined, signal)).toBe(false);
  });

  test.each(["varnishd", "no-such-varnishd"])(
    "%s: a candidate that does not compile is refused with its live path and line",
    async (binary) => {
      const { driver, candidate, varnish, signal } = await stage({ binary });
      expect(
        await driver.check(await candidate("vcl 4.1;\nbackend default none;\n"), signal),
      ).toEqual({ ok: true });
      const refused = await driver.check(
        await candidate("vcl 4.1;\nbackend default none;\nnonsense\n"),
        signal,
      );
      expect(refused).toMatchObject({ ok: false });
      if (!refused.ok) {
        expect(refused.output).toContain(`('${varnish.vcl}' Line 3 Pos 1)`);
        expect(refused.output).not.toContain("Debug:");
      }
      const { body } = await withCli(
        { address: varnish.admin, secretFile: varnish.secretFile },
        signal,
        (cli) => cli.send(["vcl.list"]),
      );
      expect(body).not.toContain("check");
    },
  );

  test("a check that is aborted while Varnish loads the candidate does not block the next one", async ({
    signal,
  }) => {
    const { driver, candidate, varnish } = await stage({ binary: "no-such-varnishd" });
    const cli = { address: varnish.admin, secretFile: varnish.secretFile };
    const list = async () => (await withCli(cli, signal, (it) => it.send(["vcl.list"]))).body;
    const fine = await candidate("vcl 4.1;\nbackend default none;\n");
    const left = await withCli(cli, signal, (it) =>
      it.send(["vcl.load", `fairlead_check_${process.pid}`, varnish.vcl, "cold"]),
    );
    expect(left.status).toBe(200);
    for (const afterMs of [20, 100]) {
      const givenUp = driver.check(fine, AbortSignal.timeout(afterMs));
      await givenUp.catch(() => undefined);
      expect(await driver.check(fine, signal)).toEqual({ ok: true });
    }
    expect(await list()).not.toContain("fairlead_check");
  });

  test("a wrong secret is named, and never shown", async ({ signal }) => {
    const { driver, generation, directory } = await stage({ secret: "planted-secret" });
    const error = await driver.reload(generation(1), signal).catch((it: Error) => it);
    expect(error).toMatchObject({
      code: "RELOAD_FAILED",
      message: expect.stringContaining(`refuses the secret of "${directory.at("wrong-secret")}"`),
    });
    expect(JSON.stringify(error)).not.toContain("planted-secret");
  });

  test("a varnishd that does not run has an error of its own", async ({ signal }) => {
    const { varnish, driver, generation } = await stage();
    await varnish.stop();
    await expect(driver.reload(generation(1), signal)).rejects.toMatchObject({
      code: "PROXY_DOWN",
    });
    expect(await driver.serves(generation(1), undefined, signal)).toBe(false);
  });

  test("changes of other labels are no loss; another active VCL is", async ({ signal }) => {
    let looks = 0;
    const { varnish, driver, putParts, secretFile } = await stage({
      onCommand: (command) => (looks += Number(command === "pid")),
    });
    const ask = (...words: readonly string[]) =>
      withCli({ address: varnish.admin, secretFile }, signal, (cli) => cli.send(words));
    for (const groups of [["g00", "g01"], ["g00"]]) {
      const parts = await putParts(groups);
      await driver.reload(parts, signal);
      await driver.prove(parts, signal);
    }
    expect((await ask("vcl.list")).body).not.toContain("fairlead_to_g01");
    const lost: string[] = [];
    driver.watch((why) => lost.push(why), signal);
    const looked = async () => {
      const from = looks;
      await expect.poll(() => looks, { timeout: 10_000 }).toBeGreaterThan(from + 1);
    };
    await looked();
    expect((await ask("vcl.label", "mine", "boot")).status).toBe(200);
    await looked();
    expect(lost).toEqual([]);
    expect((await ask("vcl.use", "boot")).status).toBe(200);
    await expect.poll(() => lost, { timeout: 10_000 }).toHaveLength(1);
    expect(lost[0]).toMatch(/^Varnish runs boot.*, no longer fairlead_top_a1\+/);
  });

  test("a changed target of a label in use is a loss", async ({ signal }) => {
    const { varnish, driver, putParts, secretFile } = await stage();
    const parts = await putParts(["g00"]);
    await driver.reload(parts, signal);
    await driver.prove(parts, signal);
    const lost: string[] = [];
    driver.watch((why) => lost.push(why), signal);
    await withCli({ address: varnish.admin, secretFile }, signal, async (cli) => {
      expect((await cli.send(["vcl.label", "fairlead_to_g00", "boot"])).status).toBe(200);
    });
    await expect.poll(() => lost, { timeout: 10_000 }).toHaveLength(1);
    expect(lost[0]).toMatch(/^Varnish runs fairlead_top_a1\+.*, no longer fairlead_top_a1\+/);
  });

  test("words from outside cannot become a command", async ({ signal }) => {
    const { varnish } = await stage();
    const answer = await withCli(
      { address: varnish.admin, secretFile: varnish.secretFile },
      signal,
      async (cli) => {
        await cli.send(["vcl.use", 'boot"\nparam.set default_ttl 1234\n']);
        return await cli.send(["param.show", "default_ttl"]);
      },
    );
    expect(answer.body).toContain("Value is: 120.000");
  });
});

async function stage(
  options: {
    readonly binary?: string;
    readonly secret?: string;
    /** Told each command that the driver sends. */
    readonly onCommand?: (command: string) => void;
  } = {},
) {
  const directory = await testDirectory();
  const varnish = await testVarnish(directory);
  const cli = await testRefusingCli(varnish.admin);
  cli.refuse((command) => {
    options.onCommand?.(command);
    return false;
  });
  let { secretFile } = varnish;
  if (options.secret !== undefined) {
    secretFile = directory.at("wrong-secret");
    await writeFile(secretFile, options.secret);
  }
  const text = JSON.stringify({
    proxies: [
      {
        name: "cache",
        kind: "varnish",
        binary: options.binary ?? "varnishd",
        admin: { address: cli.address, secretFile },
        files: [{ template: "x", path: varnish.vcl }],
      },
    ],
  });
  const config = parseConfig(text, { file: "fairlead.yaml", environment: {} })
    .proxies[0] as VarnishConfig;
  const driver = createVarnishDriver(config, {
    log: pino({ level: "silent" }),
    state: directory.at("state"),
  });
  onTestFinished(() => driver.close());
  const ending = new AbortController();
  onTestFinished(() => ending.abort(new Error("the test is finished")));
  return {
    directory,
    varnish,
    driver,
    secretFile,
    signal: ending.signal,
    put: async (vcl: string) => await writeFile(varnish.vcl, vcl),
    generation: (number: number) => ({ number, id: `0000000000a${number}`, paths: [varnish.vcl] }),
    /** A boot script of one VCL per group, below a top that leads to each. */
    putParts: async (groups: readonly string[]) => {
      const top = `fairlead_top_a${groups.length}`;
      const put = async (name: string, text: string) => {
        await writeFile(directory.at(`${name}.vcl`), text, { mode: 0o644 });
        return `vcl.load ${name} ${directory.at(`${name}.vcl`)}`;
      };
      const of = groups.map(async (group) => [
        await put(`fairlead_${group}_0a`, "vcl 4.1;\nbackend default none;\n"),
        `vcl.label fairlead_to_${group} fairlead_${group}_0a`,
      ]);
      const lead = groups.map((group) => `return (vcl(fairlead_to_${group}));`).join("\n");
      const loads = (await Promise.all(of)).flat();
      loads.push(await put(top, `vcl 4.1;\nbackend default none;\nsub vcl_recv {\n${lead}\n}\n`));
      const path = directory.at("parts.cli");
      await writeFile(path, [...loads, `vcl.use ${top}`, ""].join("\n"));
      return { number: groups.length, id: `0000000000a${groups.length}`, paths: [path] };
    },
    candidate: async (vcl: string) => {
      const stagedPath = `${await mkdtemp(directory.at("staged-"))}.vcl`;
      await writeFile(stagedPath, vcl, { mode: 0o644 });
      const file = { path: varnish.vcl, stagedPath, text: vcl, format: "vcl" as const };
      return { files: [file], removed: [] };
    },
  };
}
