import { describe, expect, test } from "vitest";
import { createGuard, isRecovered, suspicion, type View } from "../../src/apply/guard.ts";

describe("suspicion()", () => {
  test("sick instances leaving are none: they are still registered", () => {
    expect(
      suspicion(view({ web: 3 }), { web: { 0: "critical", 1: "critical", 2: "critical" } }, 50),
    ).toBeUndefined();
  });

  test("everything gone at once is one", () => {
    expect(suspicion(view({ web: 2, api: 1 }), {}, 50)).toBe("all 3 instances vanished at once");
  });

  test("the last instance of all going by itself is none", () => {
    expect(suspicion(view({ web: 1 }), {}, 50)).toBeUndefined();
  });

  test("most instances of many services gone at once is one", () => {
    const before = view({ a: 4, b: 4, c: 4 });
    expect(suspicion(before, view({ a: 1, b: 1, c: 1 }), 50)).toBe(
      "9 of 12 instances of 3 services vanished at once",
    );
    expect(suspicion(before, view({ a: 2, b: 2, c: 2 }), 50)).toBeUndefined();
    expect(suspicion(before, view({ c: 4 }), 50)).toBeUndefined();
  });
});

describe("createGuard()", () => {
  test("holds an empty view until every service is there again", () => {
    const guard = createGuard({ maxDropPercent: 50, holdMs: 1_000 });
    const before = view({ web: 2, api: 1 });
    expect(guard.holds(before, {}, 0)).toContain("vanished");
    expect(guard.holds(before, view({ web: 1 }), 10)).toContain("vanished");
    expect(guard.endsAtMs()).toBe(1_000);
    expect(guard.holds(before, view({ web: 1, api: 1 }), 20)).toBeUndefined();
    expect(guard.endsAtMs()).toBeUndefined();
  });

  test("lets go when its time is up", () => {
    const guard = createGuard({ maxDropPercent: 50, holdMs: 1_000 });
    expect(guard.holds(view({ web: 2 }), {}, 0)).toContain("vanished");
    expect(guard.holds(view({ web: 2 }), {}, 1_000)).toBeUndefined();
  });
});

test("isRecovered() wants each service, not each instance", () => {
  expect(isRecovered(view({ a: 3, b: 1 }), view({ a: 1, b: 1 }))).toBe(true);
  expect(isRecovered(view({ a: 3, b: 1 }), view({ a: 3 }))).toBe(false);
});

function view(counts: Readonly<Record<string, number>>): View {
  return Object.fromEntries(
    Object.entries(counts).map(([service, count]) => [
      service,
      Object.fromEntries(Array.from({ length: count }, (_, i) => [String(i), "passing" as const])),
    ]),
  );
}
