import { describe, expect, test } from "vitest";
import { findCulprits } from "../../../src/apply/quarantine/find-culprits.ts";

const SERVICES = Array.from({ length: 1_000 }, (_, i) => `s${i}`);
const MOST_CHECKS = 4 * Math.ceil(Math.log2(SERVICES.length + 1)) + 8;

/** A check that refuses while one of `culprits` is there, and names the first one's line or none. */
async function search(culprits: readonly string[], options: { readonly isNamed: boolean }) {
  let checks = 0;
  const refusal = (leftOut: ReadonlySet<string>) => {
    const first = SERVICES.find((it) => culprits.includes(it) && !leftOut.has(it));
    return { output: `bad ${first}`, hint: "mend it", first };
  };
  const found = await findCulprits({
    services: SERVICES,
    refusal: refusal(new Set()),
    async check(leftOut) {
      checks += 1;
      const { first, ...rest } = refusal(leftOut);
      return first === undefined ? { ok: true } : { ok: false, ...rest };
    },
    origin(_, leftOut) {
      const { first } = refusal(leftOut);
      if (!options.isNamed || first === undefined) return undefined;
      return { excerpt: `line of ${first}`, subject: { service: first }, place: `t:${first}` };
    },
  });
  return { found, checks, names: found?.faults.map(({ service }) => service) };
}

test("a service that claims what is another's is left out, not the one whose line is named", async () => {
  let checks = 0;
  const found = await findCulprits({
    services: ["a-thief", ...SERVICES, "z-new"],
    isSuspect: (it) => it === "a-thief" || it === "z-new",
    refusal: { output: "duplicate upstream", hint: "" },
    async check(leftOut) {
      checks += 1;
      const isWell = leftOut.has("a-thief") || leftOut.has("s7");
      return isWell ? { ok: true } : { ok: false, output: "duplicate upstream", hint: "" };
    },
    origin: () => ({ excerpt: "line of s7", subject: { service: "s7" }, place: "t:1" }),
  });
  expect(found?.faults.map(({ service }) => service)).toEqual(["a-thief"]);
  expect(found?.isWell).toBe(true);
  expect(checks).toBeLessThanOrEqual(MOST_CHECKS);
});

describe("findCulprits()", () => {
  test.each([
    ["one", ["s7"]],
    ["several", ["s0", "s500", "s999"]],
    ["many", SERVICES.slice(0, 20)],
  ])("%s whose lines the check names: one check for each", async (_, culprits) => {
    const { found, checks, names } = await search(culprits, { isNamed: true });
    expect(names).toEqual(culprits);
    expect(found?.isWell).toBe(true);
    expect(checks).toBeLessThanOrEqual(culprits.length + 1);
  });

  test.each([
    ["first", ["s0"]],
    ["middle", ["s421"]],
    ["last", ["s999"]],
    ["two", ["s3", "s998"]],
  ])("the %s, that no line names: found by halving", async (_, culprits) => {
    const { found, checks, names } = await search(culprits, { isNamed: false });
    expect(names?.toSorted()).toEqual(culprits);
    expect(found?.isWell).toBe(true);
    expect(checks).toBeLessThanOrEqual(MOST_CHECKS);
  });

  test("more than can be found leave off in time, with those that were", async () => {
    const { found, checks, names } = await search(SERVICES.slice(0, 400), { isNamed: true });
    expect(checks).toBeLessThanOrEqual(MOST_CHECKS);
    expect(found?.isWell).toBe(false);
    expect(names?.length).toBeGreaterThan(10);
  });

  test("what is refused without any service is the template's", async () => {
    let checks = 0;
    const found = await findCulprits({
      services: SERVICES,
      refusal: { output: "bad", hint: "" },
      async check() {
        checks += 1;
        return { ok: false, output: "bad", hint: "" };
      },
      origin: () => undefined,
    });
    expect(found).toBeUndefined();
    expect(checks).toBe(1);
  });
});
