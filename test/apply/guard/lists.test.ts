import { describe, expect, test } from "vitest";
import { isRecovered, resetReason } from "../../../src/apply/guard/recovery.ts";
import { suspicion } from "../../../src/apply/guard/suspicion.ts";
import type { Statuses, View } from "../../../src/apply/guard/view.ts";

const RULES = { maxDropPercent: 50, minInstances: {} };

describe("what is lost of lists", () => {
  test("a list of three that is emptied is suspicious, one of two is not, and no single key", () => {
    const [three, two] = [
      keys("edge/", "edge/a", "edge/b", "edge/c"),
      keys("edge/", "edge/a", "edge/b"),
    ];
    expect(reason(seen(WEB, three), seen(WEB, keys("edge/")))).toBe(
      'all 3 keys below "edge/" are gone at once: edge/a, edge/b, edge/c',
    );
    expect(suspicion(seen(WEB, three), seen(WEB, keys("edge/")), RULES)?.hint).toBe(
      "See whether these keys were deleted on purpose",
    );
    expect(reason(seen(WEB, two), seen(WEB, keys("edge/")))).toBeUndefined();
    expect(reason(seen(WEB, three), seen(WEB, keys("edge/", "edge/a")))).toBeUndefined();
    expect(reason(seen(WEB, single("x")), seen(WEB, single("x", false)))).toBeUndefined();
  });

  test("of at least ten entries more than the share, less those that took their place", () => {
    const numbered = (count: number, name = "k") =>
      keys("", ...Array.from({ length: count }, (_, i) => `${name}${i}`));
    expect(reason(seen(WEB, numbered(10)), seen(WEB, numbered(4)))).toContain(
      "6 of 10 keys are gone",
    );
    expect(reason(seen(WEB, numbered(10)), seen(WEB, numbered(5)))).toBeUndefined();
    expect(reason(seen(WEB, numbered(9)), seen(WEB, numbered(1)))).toBeUndefined();
    expect(reason(seen(WEB, numbered(10)), seen(WEB, numbered(10, "other")))).toBeUndefined();
  });

  test("single keys are one list together", () => {
    const of = (isThere: boolean) => ({
      ...single("a", isThere),
      ...single("b", isThere),
      ...single("c", isThere),
    });
    expect(reason(seen(WEB, of(true)), seen(WEB, of(false)))).toBe(
      "all 3 keys are gone at once: a, b, c",
    );
    expect(
      reason(seen(WEB, of(true)), seen(WEB, { ...of(false), ...single("c") })),
    ).toBeUndefined();
  });

  test("nodes and services: Consul always knows its own", () => {
    const nodes = (...names: readonly string[]) => ({ "/nodes/": names });
    expect(reason(seen(WEB, nodes("n", "a", "b", "c")), seen(WEB, nodes("n")))).toBe(
      "3 of 4 nodes are gone at once: a, b, c",
    );
    expect(reason(seen(WEB, nodes("n", "a", "b")), seen(WEB, nodes("n")))).toBeUndefined();
    const services = (...names: readonly string[]) => ({ "/services/": names });
    expect(reason(seen({}, services("consul", "a", "b")), seen({}, services("consul")))).toBe(
      "all 2 services vanished at once",
    );
    const both = seen({ web: 2, api: 1 }, services("consul", "web", "api"));
    expect(reason(both, seen({}, services("consul")))).toBe("all 3 instances vanished at once");
  });

  test("a list that is not asked any more has lost nothing", () => {
    const before = seen({ web: 2, api: 2 }, keys("api/", "api/a", "api/b", "api/c"));
    expect(reason(before, seen({ web: 2 }))).toBeUndefined();
    expect(isRecovered(seen(WEB, keys("edge/", "edge/a")), seen(WEB))).toBe(true);
  });

  test("a prepared query has healthy instances alone: emptied by itself it is no loss", () => {
    const geo = (...ids: readonly string[]) => ({ "/prepared/geo": ids });
    expect(reason(seen(WEB, geo("a", "b", "c")), seen(WEB, geo()))).toBeUndefined();
    expect(reason(seen({}, geo("a", "b", "c")), seen({}, geo()))).toBe(
      "all 3 instances vanished at once",
    );
    expect(isRecovered(seen(WEB, geo("a", "b")), seen(WEB, geo("a")))).toBe(true);
  });

  test("everything of all kinds counts together", () => {
    const before = seen({ web: 1 }, keys("edge/", "edge/a"));
    expect(reason(before, seen({}, keys("edge/")))).toBe(
      "all 1 instance and 1 key vanished at once",
    );
    expect(reason(before, seen(WEB, keys("edge/")))).toBeUndefined();
    expect(reason(before, seen({}, keys("edge/", "edge/a")))).toBeUndefined();
    expect(reason(seen({}, single("x")), seen({}, single("x", false)))).toBeUndefined();
  });

  test("while all instances are registered again, a single key that is missing is suspicious", () => {
    const before = seen({ web: 2 }, single("color"));
    const after = {
      ...seen({}, single("color", false)),
      instances: seen({ web: 2 }, {}, "again").instances,
    };
    expect(resetReason(before, after)?.reason).toBe(
      'all 2 instances are gone or registered again, and not all is back: key "color"',
    );
    expect(resetReason(before, seen({ web: 2 }, single("color", false)))).toBeUndefined();
    expect(resetReason(before, { ...after, lists: before.lists })).toBeUndefined();
  });

  test("a list is back when the same entries are there again", () => {
    const [before, other] = [keys("edge/", "edge/a", "edge/b"), keys("edge/", "edge/a", "edge/c")];
    expect(isRecovered(seen(WEB, before), seen(WEB, other))).toBe(false);
    expect(
      isRecovered(seen(WEB, before), seen(WEB, keys("edge/", "edge/a", "edge/b", "edge/c"))),
    ).toBe(true);
  });
});

describe("what is lost of a datacenter", () => {
  test("is suspicious by itself, and the datacenter is named", () => {
    const before = join(seen({ web: 9, api: 9 }), seen({ pay: 2, web: 2 }, {}, "", "dc2"));
    expect(suspicion(before, seen({ web: 9, api: 9 }), RULES)).toMatchObject({
      reason: "all 4 instances of datacenter dc2 vanished at once",
      hint: "See whether Consul in datacenter dc2 has lost its data, such as by a restart",
    });
    expect(reason(before, seen({}, {}, "", "dc2"))).toContain("all 22 instances vanished");
  });

  test("by its own share too", () => {
    const small = { a: 4, b: 4, c: 4 };
    const before = join(seen({ web: 40 }), seen(small, {}, "", "dc2"));
    const after = join(seen({ web: 40 }), seen({ a: 1, b: 1, c: 1 }, {}, "", "dc2"));
    expect(reason(before, after)).toBe(
      "9 of 12 instances of 3 services of datacenter dc2 are gone at once: a, b, c",
    );
  });

  test("is seen to be registered again by itself, and back only when it is there again", () => {
    const local = seen({ web: 9 });
    const before = join(local, seen({ pay: 1, web: 1 }, {}, "", "dc2"));
    const after = join(local, seen({ pay: 1 }, {}, "again", "dc2"));
    expect(resetReason(before, after)?.reason).toBe(
      'all 2 instances of datacenter dc2 are gone or registered again, and not all is back: service "web"',
    );
    expect(isRecovered(before, after)).toBe(false);
  });

  test("keys of another datacenter are of that one", () => {
    const before = seen({}, { "/tree/": ["a"], "dc2/tree/": ["b", "c"] });
    expect(reason(before, seen({}, { "/tree/": ["a"], "dc2/tree/": [] }))).toBe(
      "all 2 keys of datacenter dc2 vanished at once",
    );
  });

  test("one datacenter with keys is not named", () => {
    const before = seen({ a: 4, b: 4, c: 4 }, keys("edge/", "edge/a"));
    expect(reason(before, seen({ a: 1, b: 1, c: 1 }, keys("edge/", "edge/a")))).toBe(
      "9 of 12 instances of 3 services are gone at once: a, b, c",
    );
  });
});

const WEB = { web: 3 };

const reason = (before: View, after: View): string | undefined =>
  suspicion(before, after, RULES)?.reason;

function seen(
  services: Readonly<Record<string, number>>,
  lists: Readonly<Record<string, readonly string[]>> = {},
  when = "",
  datacenter = "dc1",
): View {
  const instances = Object.entries(services).map(([name, count]): [string, Statuses] => [
    `${datacenter}/service/${name}`,
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`n\t${i}${when}`, "passing"])),
  ]);
  return {
    instances: new Map(instances),
    lists: new Map(Object.entries(lists).map(([group, all]) => [group, new Set(all)])),
  };
}

const join = (a: View, b: View): View => ({
  instances: new Map([...a.instances, ...b.instances]),
  lists: new Map([...a.lists, ...b.lists]),
});

const keys = (prefix: string, ...all: readonly string[]) => ({ [`/tree/${prefix}`]: all });

const single = (key: string, isThere = true) => ({ [`/key/${key}`]: isThere ? [key] : [] });
