import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { runCommand } from "../../src/proxy/command/command.ts";
import { readDirectives } from "../../src/proxy/nginx/nginx-directives.ts";
import { freePort } from "../helpers/free-port.ts";
import { request } from "../helpers/request.ts";
import { testDirectory, testNginx } from "../helpers/test-programs.ts";
import { until } from "../helpers/until.ts";
import {
  type Case,
  harmless,
  type PlaceTemplate,
  renderCases,
  toCases,
} from "./hostile-catalog.ts";
import { hostileValue, KNOWN_VALUES } from "./hostile-values.ts";
import { mainFile, nginxMap, nginxPlaces } from "./nginx-places.ts";
import { VCL_ACL, VCL_PLACES } from "./vcl-places.ts";

/*
 * Hostile values in every field that Consul lets a client set, in every place of a file. A small number
 * with a fixed seed; `npm run fuzz` takes many more with a seed of the day.
 */

const VALUES = Number(process.env["FAIRLEAD_FUZZ_VALUES"] ?? 1_000);
const SEED = Number(process.env["FAIRLEAD_FUZZ_SEED"] ?? 1);
const BATCH = 250;
const signal = new AbortController().signal;

const batches = fc.array(hostileValue, { minLength: BATCH, maxLength: BATCH });
const options = (share: number): fc.Parameters<unknown> => ({
  seed: SEED,
  numRuns: Math.max(1, Math.ceil((VALUES * share) / BATCH)),
  endOnFailure: true,
});

test("nginx: no value becomes a directive, and nginx takes the file", {
  timeout: 1_200_000,
}, async () => {
  const check = await nginxCheck();
  await fc.assert(
    fc.asyncProperty(batches, async (values) => {
      await check(values, nginxPlaces(1));
      await check(values, nginxMap);
    }),
    options(0.5),
  );
  await check(
    KNOWN_VALUES.flatMap((it) =>
      Array(7)
        .fill(it)
        .map((value, i) => `${value}${" ".repeat(i)}`),
    ),
    nginxPlaces(1),
  );
});

test("nginx serves each value that is let through as what it was", {
  timeout: 1_200_000,
}, async () => {
  const directory = await testDirectory();
  const nginx = await testNginx(directory);
  const port = await freePort();
  const literal = ["word", "double", "single"];
  const all = nginxPlaces(port);
  const places = Object.fromEntries(literal.map((name) => [name, all.places[name] ?? ""]));
  const values = fc.sample(hostileValue, { seed: SEED, numRuns: Math.min(VALUES, 2_000) });
  const { text, kept } = await renderCases(
    toCases([...values, ...KNOWN_VALUES], { ...all, places }),
    {
      ...all,
      places,
    },
  );
  expect(kept.length).toBeGreaterThan(100);
  await writeFile(`${nginx.confDirectory}/values.conf`, text);
  await nginx.startAgain();
  await until(
    "nginx answers",
    async () => (await request(`http://127.0.0.1:${port}/none`)).status === 404,
  );
  for (const { number, value } of kept) {
    const { body } = await request(`http://127.0.0.1:${port}/${number}`);
    expect(body).toBe(Buffer.from(value).toString());
  }
});

test("VCL: no value becomes a statement, and the compiler takes the file", {
  timeout: 1_200_000,
}, async () => {
  const check = await vclCheck();
  await fc.assert(
    fc.asyncProperty(batches, async (values) => {
      await check(values, VCL_PLACES);
      const { kept } = await renderCases(toCases(values, VCL_ACL), VCL_ACL);
      expect(kept.filter(({ value }) => !/^[\w.:-]+$/.test(value))).toEqual([]);
    }),
    options(0.5),
  );
  await check(KNOWN_VALUES, VCL_PLACES);
});

type Check = (values: readonly string[], template: PlaceTemplate) => Promise<void>;

async function nginxCheck(): Promise<Check> {
  const directory = await testDirectory();
  const main = directory.at("nginx.conf");
  await mkdir(directory.at("conf.d"));
  await writeFile(main, mainFile(directory.path));
  return async (values, template) => {
    const { text, kept } = await renderCases(unique(toCases(values, template)), template);
    expect(skeleton(text)).toEqual(skeleton((await renderCases(harmless(kept), template)).text));
    await writeFile(directory.at("conf.d/values.conf"), text);
    const result = await runCommand(["nginx", "-T", "-c", main], { timeoutMs: 60_000, signal });
    expect(result.output).toContain("test is successful");
  };
}

async function vclCheck(): Promise<Check> {
  const directory = await testDirectory();
  const file = directory.at("values.vcl");
  return async (values, template) => {
    const { text, kept } = await renderCases(unique(toCases(values, template)), template);
    await writeFile(file, (await renderCases([], template)).text);
    const without = await countSetHeaders(file);
    await writeFile(file, text);
    // Each case sets one header: the compiler's own output tells how many statements it read.
    expect(await countSetHeaders(file)).toBe(without + kept.length);
  };
}

/** @throws with the compiler's words when it refuses */
async function countSetHeaders(file: string): Promise<number> {
  const { stderr } = await promisify(execFile)(
    "varnishd",
    ["-p", "cc_command=tcc -std=gnu11 -w -fpic -shared -o %o %s", "-C", "-f", file],
    { maxBuffer: 64 * 1_048_576, timeout: 60_000 },
  );
  return stderr.split("VRT_SetHdr(").length - 1;
}

/** Directives with their nesting, by a reader that knows nothing of escaping. Keys of a map are no names. */
function skeleton(text: string): readonly string[] {
  const isMap = text.includes("map $http_x");
  return readDirectives(text).map(
    ({ name, depth, args }) => `${depth} ${isMap && depth > 0 ? "*" : name} ${args.length}`,
  );
}

/** One location and one key may be claimed once. */
const unique = (cases: readonly Case[]): readonly Case[] => [
  ...new Map(cases.map((it) => [it.value.toLowerCase(), it])).values(),
];
