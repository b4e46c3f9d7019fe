import { describe, expect, test } from "vitest";
import { findCulprits } from "../../../src/apply/quarantine/find-culprits.ts";
import type { Suspect } from "../../../src/apply/quarantine/suspects.ts";
import type { Verdict } from "../../../src/apply/quarantine/verdict.ts";

const SERVICES = Array.from({ length: 1_000 }, (_, i) => `s${i}`);

const suspect = (name: string): Suspect => ({
  text: name,
  part: { kind: "service", service: name },
  within: [],
});

/** A search where the candidate fails as `fails` says of the suspects that are in it. */
async function search(
  names: readonly string[],
  fails: (isIn: (name: string) => boolean) => Omit<Refused, "isOk"> | undefined,
  options: { readonly mostChecks?: number; readonly mayBeTemplate?: boolean } = {},
) {
  const { mostChecks = Number.POSITIVE_INFINITY, mayBeTemplate = false } = options;
  let checks = 0;
  const judge = (without: ReadonlySet<string>): Verdict => {
    const failed = fails((name) => !without.has(name));
    return failed === undefined ? { isOk: true } : { isOk: false, ...failed };
  };
  const first = judge(new Set());
  if (first.isOk) throw new Error("nothing fails");
  const found = await findCulprits({
    suspects: names.map(suspect),
    first,
    async judge(without) {
      checks += 1;
      return judge(without);
    },
    isOver: () => checks >= mostChecks,
    mayBeTemplate,
  });
  const culprits = found?.culprits.map((it) => it.suspect.text).toSorted();
  return { found, checks, culprits };
}

type Refused = Extract<Verdict, { isOk: false }>;

const refused = (more: Partial<Refused> = {}) => ({
  reason: "bad",
  hint: "mend it",
  named: [],
  place: "",
  ...more,
});

/** The first of `bad` that is in the candidate fails, and is named or not. */
const firstOf = (bad: readonly string[], isNamed: boolean) => (isIn: (name: string) => boolean) => {
  const first = bad.find(isIn);
  if (first === undefined) return undefined;
  return refused(isNamed ? { named: [{ text: first }], place: `t:${first}` } : {});
};

describe("findCulprits()", () => {
  test.each([
    ["one", ["s7"]],
    ["three", ["s0", "s500", "s999"]],
    ["fifty", SERVICES.filter((_, i) => i % 20 === 7)],
  ])("%s of 1,000 that the check names: about one try for each", async (_, bad) => {
    const { found, checks, culprits } = await search(SERVICES, firstOf(bad, true));
    expect(culprits).toEqual(bad.toSorted());
    expect(found?.untried).toEqual([]);
    expect(checks).toBeLessThanOrEqual(bad.length + 2 * Math.ceil(Math.log2(1_000)));
  });

  test.each([
    ["the first", ["s0"]],
    ["one in the middle", ["s421"]],
    ["the last", ["s999"]],
    ["two", ["s3", "s998"]],
    ["fifty", SERVICES.filter((_, i) => i % 20 === 7)],
  ])("%s of 1,000 that the check does not name: found by halves", async (_, bad) => {
    const { checks, culprits } = await search(SERVICES, firstOf(bad, false));
    expect(culprits).toEqual(bad.toSorted());
    expect(checks).toBeLessThanOrEqual(
      2 * bad.length * Math.ceil(Math.log2(1_000 / bad.length) + 2) + 4,
    );
  });

  test("the part that takes what is another's is the culprit, not the one whose line is named", async () => {
    const { culprits } = await search(["a-thief", "z-new"], (isIn) =>
      isIn("a-thief") ? refused({ named: [{ text: "served" }], place: "t:1" }) : undefined,
    );
    expect(culprits).toEqual(["a-thief"]);
  });

  test("where it takes two to fail, the one without which all others go well is the culprit", async () => {
    const names = ["long", ...SERVICES.slice(0, 12)];
    const { culprits } = await search(names, (isIn) =>
      isIn("long") && names.slice(1).some(isIn) ? refused() : undefined,
    );
    expect(culprits).toEqual(["long"]);
  });

  test("where any of several is enough to fail with any other, the many are let in", async () => {
    const longs = ["a-long", "long-2", "long-3", "z-long"];
    const names = [...longs, ...SERVICES.slice(0, 12)].toSorted();
    const { culprits } = await search(names, (isIn) =>
      longs.some(isIn) && names.filter(isIn).length > 1 ? refused() : undefined,
    );
    expect(culprits).toEqual(longs);
  });

  test("what a render says of each of several parts is believed at once", async () => {
    const bad = ["s1", "s2", "s3", "s4", "s5"];
    const { checks, culprits } = await search(SERVICES, (isIn) => {
      const named = bad.filter(isIn).map((text) => ({ text, reason: `bad ${text}` }));
      return named.length === 0 ? undefined : refused({ named, isEach: true });
    });
    expect(culprits).toEqual(bad);
    expect(checks).toBe(1);
  });

  test("of several parts on the line that the check names only the one at fault is the culprit, in a few tries", async () => {
    const onLine = SERVICES.slice(500, 508);
    const { checks, culprits } = await search(SERVICES, (isIn) =>
      isIn("s506")
        ? refused({ named: onLine.filter(isIn).map((text) => ({ text })), place: "t:1" })
        : undefined,
    );
    expect(culprits).toEqual(["s506"]);
    expect(checks).toBeLessThanOrEqual(8);
  });

  test("several lines of several parts, among them what is no suspect", async () => {
    const lines = [0, 1, 2, 3, 4].map((i) => SERVICES.slice(i * 10, i * 10 + 4));
    const bad = ["s2", "s3", "s11", "s20", "s43"];
    const { checks, culprits } = await search(SERVICES, (isIn) => {
      const line = lines.find((it) => it.some((name) => bad.includes(name) && isIn(name)));
      const named = line?.filter(isIn).map((text) => ({ text }));
      return named && refused({ named: [{ text: "served" }, ...named], place: "t:1" });
    });
    expect(culprits).toEqual(bad.toSorted());
    expect(checks).toBeLessThanOrEqual(40);
  });

  test("of a place that is about a known service as a whole, the instance that is a suspect is the culprit", async () => {
    const { checks, culprits } = await search(["web-1", "web-2", "api"], (isIn) =>
      isIn("web-2")
        ? refused({ named: [{ text: "web", within: ["web-0", "web-2"] }], place: "t:1" })
        : undefined,
    );
    expect(culprits).toEqual(["web-2"]);
    expect(checks).toBe(1);
  });

  test("of a new service only the instance at fault is the culprit", async () => {
    const instance = (id: string): Suspect => ({
      text: id,
      part: { kind: "instance", service: "web", instance: id, node: "n", datacenter: "dc1" },
      within: [],
    });
    const web = {
      ...suspect("web"),
      within: [instance("web-1"), instance("web-2"), instance("web-3")],
    };
    const found = await findCulprits({
      suspects: [suspect("api"), web],
      first: { isOk: false, ...refused() },
      judge: async (without) =>
        without.has("web") || without.has("web-3") ? { isOk: true } : { isOk: false, ...refused() },
      isOver: () => false,
      mayBeTemplate: true,
    });
    expect(found?.culprits.map((it) => it.suspect.text)).toEqual(["web-3"]);
  });

  test("when the time is over, what was not tried is left out for now, and what was found stays found", async () => {
    const bad = SERVICES.slice(0, 400);
    const { found, checks, culprits } = await search(SERVICES, firstOf(bad, false), {
      mostChecks: 30,
    });
    expect(checks).toBeLessThanOrEqual(32);
    expect(culprits?.every((it) => bad.includes(it))).toBe(true);
    const untried = new Set(found?.untried.map(({ text }) => text));
    expect(bad.every((it) => untried.has(it) || culprits?.includes(it))).toBe(true);
  });

  test("when the time is over before anything is let in, what the check named stays found", async () => {
    const bad = SERVICES.slice(0, 400);
    const { found, culprits } = await search(SERVICES, firstOf(bad, true), {
      mostChecks: 6,
      mayBeTemplate: true,
    });
    expect(culprits?.length).toBeGreaterThan(3);
    expect(found?.untried).toEqual([]);
  });

  test("what fails without any suspect as well is the template's, or the world's: no suspect is blamed", async () => {
    const { found, checks } = await search(SERVICES, () => refused());
    expect(found).toBeUndefined();
    expect(checks).toBe(1);
  });

  test("with a new template, a line that fails for all is the template's", async () => {
    const { found, checks } = await search(
      SERVICES,
      (isIn) => {
        const first = SERVICES.find(isIn);
        return first === undefined
          ? undefined
          : refused({ named: [{ text: first }], place: "t:1" });
      },
      { mayBeTemplate: true },
    );
    expect(found).toBeUndefined();
    expect(checks).toBeLessThanOrEqual(3);
  });
});
