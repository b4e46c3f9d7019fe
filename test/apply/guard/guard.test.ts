import { describe, expect, test } from "vitest";
import { createGuard, type LetGo, type Verdict } from "../../../src/apply/guard/guard.ts";
import { isRecovered, isRegistered, resetReason } from "../../../src/apply/guard/recovery.ts";
import { suspicion } from "../../../src/apply/guard/suspicion.ts";
import type { Statuses, View, ViewStatus } from "../../../src/apply/guard/view.ts";

const RULES = { maxDropPercent: 50, minInstances: {} };

describe("suspicion()", () => {
  test("sick instances leaving are none: they are still registered", () => {
    for (const sick of [1, 2, 3]) {
      const after = seen({ web: { ...all(3, "passing"), ...all(sick, "critical") } });
      expect(suspicion(view({ web: 3 }), after, RULES)).toBeUndefined();
    }
    const before = view({ a: 4, b: 4, c: 4 });
    const sick = all(4, "critical");
    const after = seen({ a: sick, b: sick, c: sick });
    expect(suspicion(before, after, RULES)).toBeUndefined();
  });

  test("everything gone at once is one", () => {
    const before = view({ web: 2, api: 1 });
    expect(suspicion(before, NOTHING, RULES)).toBe("all 3 instances vanished at once");
    expect(suspicion(before, seen({ web: {} }), RULES)).toBe("all 3 instances vanished at once");
  });

  test("the last instance of all going by itself is none", () => {
    expect(suspicion(view({ web: 1 }), NOTHING, RULES)).toBeUndefined();
  });

  test("more than the share of at least 10 instances across at least 3 services is one", () => {
    const before = view({ a: 4, b: 4, c: 4 });
    expect(suspicion(before, view({ a: 1, b: 1, c: 1 }), RULES)).toBe(
      "9 of 12 instances of 3 services are gone at once",
    );
    expect(suspicion(before, view({ a: 2, b: 2, c: 2 }), RULES)).toBeUndefined();
    expect(suspicion(before, view({ c: 4 }), RULES)).toBeUndefined();
    expect(suspicion(view({ a: 3, b: 3, c: 3 }), view({ a: 1 }), RULES)).toBeUndefined();
    const rules = { ...RULES, maxDropPercent: 80 };
    expect(suspicion(before, view({ a: 1, b: 1, c: 1 }), rules)).toBeUndefined();
  });

  test("instances whose nodes are given up are gone", () => {
    const before = view({ a: 4, b: 4, c: 4 });
    const lost = (count: number) => ({ ...all(4, "passing"), ...all(count, "unreachable") });
    expect(suspicion(before, seen({ a: lost(4), b: lost(3), c: lost(1) }), RULES)).toBe(
      "8 of 12 instances of 3 services are gone at once",
    );
    expect(suspicion(before, seen({ a: lost(2), b: lost(3), c: lost(1) }), RULES)).toBeUndefined();
  });

  test("a redeploy that replaces every instance is none", () => {
    const named = (name: string) =>
      Object.fromEntries([0, 1, 2, 3].map((i) => [name + i, "passing" as const]));
    const of = (name: string) => seen({ a: named(name), b: named(name), c: named(name) });
    expect(suspicion(of("old"), of("new"), RULES)).toBeUndefined();
  });

  test("a service that falls below what it was asked to keep is one, and one that was below is none", () => {
    const rules = { ...RULES, minInstances: { web: 2, "*": 1 } };
    const sick = seen({ web: { ...all(3, "passing"), ...all(2, "critical") } });
    expect(suspicion(view({ web: 3 }), sick, rules)).toBe(
      '"web" would have 1 passing instances, and guard.minInstances asks for 2',
    );
    expect(
      suspicion(view({ web: 1 }), seen({ web: {}, x: all(1, "passing") }), rules),
    ).toBeUndefined();
    expect(suspicion(view({ x: 2, web: 2 }), view({ web: 2 }), rules)).toContain(
      '"x" would have 0',
    );
  });
});

describe("forgetting()", () => {
  const before = view({ web: 2, api: 1 });
  const FORGOT = "all 3 instances are gone or registered anew, and not every service is back";

  test("sees a Consul that is told again, while a service is missing or no check has told of it", () => {
    expect(resetReason(before, seen({ web: anew(1, "passing") }))).toBe(FORGOT);
    const unchecked = { web: anew(2, "passing"), api: anew(1, "unchecked") };
    expect(resetReason(before, seen(unchecked))).toBe(FORGOT);
    const unreachable = { web: anew(2, "passing"), api: anew(1, "unreachable") };
    expect(resetReason(before, seen(unreachable))).toBe(FORGOT);
  });

  test("sees a catalog that is older than what was made of it: what had been checked is unchecked", () => {
    const older = seen({ web: all(2, "unchecked"), api: all(1, "unchecked") });
    expect(resetReason(before, older)).toBe(FORGOT);
    expect(resetReason(older, older)).toBeUndefined();
  });

  test("sees none where all services are back, be it fewer instances or sick ones", () => {
    const back = { web: anew(1, "passing"), api: anew(1, "critical") };
    expect(resetReason(before, seen(back))).toBeUndefined();
    const wasSick = seen({ web: all(2, "passing"), api: all(1, "critical") });
    const isUnchecked = seen({ web: anew(2, "passing"), api: anew(1, "unchecked") });
    expect(resetReason(wasSick, isUnchecked)).toBeUndefined();
  });

  test("sees none where no service is in both: another one is asked for", () => {
    expect(resetReason(before, seen({ green: anew(2, "unchecked") }))).toBeUndefined();
    expect(resetReason(before, NOTHING)).toBeUndefined();
  });

  test("sees none where anything is left as it was, nor in what grows or is alone", () => {
    expect(resetReason(before, seen({ web: all(1, "critical") }))).toBeUndefined();
    const first = seen({ web: all(1, "unchecked"), api: all(1, "unchecked") });
    expect(resetReason(first, seen({ web: all(2, "unchecked") }))).toBeUndefined();
    expect(resetReason(view({ web: 1 }), seen({ web: anew(1, "unchecked") }))).toBeUndefined();
    expect(resetReason(NOTHING, first)).toBeUndefined();
  });
});

describe("createGuard()", () => {
  test("holds an empty view until every service is there again", () => {
    const { guard, letGo } = guardOf();
    const before = view({ web: 2, api: 1 });
    expect(reasonOf(guard.look(before, NOTHING, 0))).toContain("vanished");
    expect(reasonOf(guard.look(before, view({ web: 1 }), 10))).toContain("vanished");
    expect(guard.endsAtMs()).toBe(1_000);
    expect(guard.look(before, view({ web: 1, api: 1 }), 20)).toEqual({ kind: "pass" });
    expect(guard.endsAtMs()).toBeUndefined();
    expect(letGo).toEqual(["recovered"]);
  });

  test("holds until the checks of what is registered anew have told, whether or not it was ever seen empty", () => {
    const before = view({ web: 2, api: 1 });
    const unchecked = seen({ web: anew(2, "unchecked"), api: anew(1, "unchecked") });
    const partly = seen({ web: anew(2, "passing"), api: anew(1, "unchecked") });
    const back = seen({ web: anew(2, "passing"), api: anew(1, "passing") });
    for (const first of [NOTHING, unchecked]) {
      const { guard, letGo } = guardOf();
      expect(guard.look(before, first, 0)).toMatchObject({ kind: "held" });
      expect(reasonOf(guard.look(before, unchecked, 10))).toContain("registered anew");
      expect(reasonOf(guard.look(before, partly, 20))).toContain("registered anew");
      expect(guard.look(before, back, 30)).toEqual({ kind: "pass" });
      expect(letGo).toEqual(["recovered"]);
    }
  });

  test("takes what is registered anew for what Consul says of it once its first check is overdue", () => {
    const { guard, letGo } = guardOf({ holdMs: 600_000 });
    const before = view({ web: 2, api: 1 });
    const unchecked = seen({ web: anew(2, "passing"), api: anew(1, "unchecked") });
    expect(guard.look(before, seen({ web: anew(1, "unchecked") }), 0)).toMatchObject({
      kind: "held",
    });
    expect(guard.endsAtMs()).toBe(600_000);
    expect(guard.look(before, unchecked, 10_000)).toMatchObject({ kind: "held" });
    expect(guard.endsAtMs()).toBe(70_000);
    expect(guard.look(before, unchecked, 69_999)).toMatchObject({ kind: "held" });
    expect(guard.look(before, unchecked, 70_000)).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("waits no shorter for who asks for more instances: all are registered, and none is unchecked", () => {
    const minInstances = { web: 2 };
    const { guard } = guardOf({ holdMs: 600_000, rules: { ...RULES, minInstances } });
    const sick = seen({ web: { ...all(2, "passing"), ...all(1, "critical") } });
    expect(guard.look(view({ web: 2 }), sick, 0)).toMatchObject({ kind: "held" });
    expect(guard.endsAtMs()).toBe(600_000);
  });

  test("lets go when its time is up, and for as long as that does not go live", () => {
    const { guard, letGo } = guardOf();
    expect(reasonOf(guard.look(view({ web: 2 }), NOTHING, 0))).toContain("vanished");
    expect(guard.look(view({ web: 2 }), NOTHING, 1_000)).toEqual({ kind: "pass" });
    expect(guard.look(view({ web: 2 }), NOTHING, 2_000)).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("what vanishes anew while a loss is held has all of its time before it", () => {
    const { guard, letGo } = guardOf();
    const before = view({ web: 4, api: 1, more: 1 });
    expect(reasonOf(guard.look(before, NOTHING, 0))).toContain("vanished");
    expect(reasonOf(guard.look(before, view({ web: 4 }), 100))).toContain("vanished");
    expect(reasonOf(guard.look(before, NOTHING, 990))).toContain("vanished");
    expect(reasonOf(guard.look(before, NOTHING, 1_000))).toContain("vanished");
    expect(guard.endsAtMs()).toBe(1_990);
    expect(guard.look(before, view({ web: 4 }), 1_990)).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("a Consul that is told again while a loss is held has all of its time before it, too", () => {
    const { guard } = guardOf();
    const before = view({ web: 2, gone: 1 });
    expect(reasonOf(guard.look(before, NOTHING, 0))).toContain("vanished");
    expect(reasonOf(guard.look(before, seen({ web: anew(2, "passing") }), 100))).toContain("anew");
    const again = seen({ web: { again: "unchecked", too: "unchecked" } });
    expect(reasonOf(guard.look(before, again, 990))).toContain("registered anew");
    expect(guard.endsAtMs()).toBe(1_990);
  });

  test("what is registered anew again and again before all checks have told is not held for good", () => {
    const { guard, letGo } = guardOf({ holdMs: 100_000 });
    const before = view({ web: 2, api: 1 });
    const round = (i: number) => {
      const [told, untold] = i % 2 === 0 ? ["web", "api"] : ["api", "web"];
      return seen({
        [told]: { [`anew ${i}`]: "passing" },
        [untold]: { [`anew ${i}`]: "unchecked" },
      });
    };
    let verdict: Verdict = { kind: "pass" };
    for (let i = 0; i <= 36; i += 1) {
      verdict = guard.look(before, round(i), i * 10_000);
      if (i < 36) expect(reasonOf(verdict)).toContain("registered anew");
    }
    expect(verdict).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("what others lose and get back again and again does not hold back for good what is gone for good", () => {
    const { guard, letGo } = guardOf();
    const [before, without] = [view({ a: 4, b: 4, c: 4, gone: 1 }), view({ a: 4, b: 4, c: 4 })];
    for (let atMs = 0; atMs < 3_000; atMs += 600) {
      expect(reasonOf(guard.look(before, NOTHING, atMs))).toContain("vanished");
      expect(guard.endsAtMs()).toBe(atMs + 1_000);
      expect(reasonOf(guard.look(before, without, atMs + 300))).toContain("vanished");
    }
    expect(guard.endsAtMs()).toBe(3_000);
    expect(reasonOf(guard.look(before, NOTHING, 3_000))).toContain("vanished");
    expect(guard.endsAtMs()).toBe(4_000);
    expect(guard.look(before, without, 3_300)).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("lets go what is accepted, but not what vanishes after that", () => {
    const { guard, letGo } = guardOf();
    const before = view({ a: 4, b: 4, c: 4 });
    expect(guard.accept()).toBe(false);
    expect(reasonOf(guard.look(before, view({ a: 2, b: 1, c: 1 }), 0))).toContain("gone");
    expect(guard.accept()).toBe(true);
    expect(letGo).toEqual(["accepted"]);
    expect(guard.look(before, view({ a: 2, b: 1, c: 1 }), 10)).toEqual({ kind: "pass" });
    expect(reasonOf(guard.look(before, NOTHING, 20))).toContain("vanished");
  });

  test("sees a loss that goes live in parts as one step", () => {
    const { guard } = guardOf();
    const [whole, first, second] = [
      view({ a: 4, b: 4, c: 4 }),
      view({ b: 4, c: 4 }),
      view({ c: 4 }),
    ];
    guard.wentLive(whole, 0);
    guard.wentLive(first, 1_000);
    expect(reasonOf(guard.look(second, view({ c: 1 }), 2_000))).toContain("11 of 12");
    expect(guardOf().guard.look(second, view({ c: 1 }), 2_000)).toEqual({ kind: "pass" });

    const other = guardOf().guard;
    other.wentLive(whole, 0);
    other.forgetSteps();
    expect(other.look(second, view({ c: 1 }), 2_000)).toEqual({ kind: "pass" });
  });

  test("waits a moment before a service is emptied, to hear whether it is alone", () => {
    const { guard } = guardOf();
    const [whole, first] = [view({ a: 4, b: 4, c: 4 }), view({ b: 4, c: 4 })];
    expect(guard.look(whole, first, 0)).toEqual({ kind: "listening" });
    expect(guard.endsAtMs()).toBe(200);
    expect(guard.look(whole, view({ c: 1 }), 100)).toMatchObject({ kind: "held" });
    expect(guard.look(whole, whole, 150)).toEqual({ kind: "pass" });
    expect(guard.look(whole, first, 1_000)).toEqual({ kind: "listening" });
    expect(guard.look(whole, first, 1_200)).toEqual({ kind: "pass" });
    expect(guard.endsAtMs()).toBeUndefined();
    expect(guard.look(whole, first, 1_300)).toEqual({ kind: "pass" });
  });

  test("forgets a step after a while", () => {
    const { guard } = guardOf();
    guard.wentLive(view({ a: 4, b: 4, c: 4 }), 0);
    expect(guard.look(view({ c: 4 }), view({ c: 1 }), 6_000)).toEqual({ kind: "pass" });
  });

  const reasonOf = (verdict: Verdict) => (verdict.kind === "held" ? verdict.reason : verdict.kind);

  test("in shadow mode lets everything go, and says what it would hold", () => {
    const { guard, shadow } = guardOf({ isShadow: true });
    expect(guard.look(view({ web: 2 }), NOTHING, 0)).toEqual({ kind: "pass" });
    expect(shadow).toEqual(["all 2 instances vanished at once"]);
    expect(guard.endsAtMs()).toBeUndefined();
  });

  function guardOf({ isShadow = false, holdMs = 1_000, rules = RULES } = {}) {
    const letGo: LetGo[] = [];
    const shadow: string[] = [];
    const guard = createGuard(
      { rules, holdMs, isShadow },
      {
        onLetGo: (why) => void letGo.push(why),
        onShadow: (reason) => void shadow.push(reason),
      },
    );
    return { guard, letGo, shadow };
  }
});

test("isRecovered() wants each service, not each instance, and can reach it", () => {
  expect(isRecovered(view({ a: 3, b: 1 }), view({ a: 1, b: 1 }))).toBe(true);
  expect(isRecovered(view({ a: 3, b: 1 }), view({ a: 3 }))).toBe(false);
  expect(isRecovered(view({ a: 3 }), seen({ a: all(3, "unreachable") }))).toBe(false);
  expect(isRecovered(view({ a: 3 }), seen({ a: all(3, "critical") }))).toBe(true);
  expect(isRecovered(view({ a: 3 }), seen({ a: all(3, "unchecked") }))).toBe(false);
  expect(isRegistered(view({ a: 3 }), seen({ a: all(3, "unchecked") }))).toBe(true);
  expect(isRegistered(view({ a: 3 }), seen({ a: all(3, "unreachable") }))).toBe(false);
});

function view(counts: Readonly<Record<string, number>>): View {
  return new Map(
    Object.entries(counts).map(([service, count]) => [service, all(count, "passing")]),
  );
}

const seen = (services: Readonly<Record<string, Statuses>>): View =>
  new Map(Object.entries(services));

const NOTHING: View = new Map();

const all = (count: number, status: ViewStatus): Statuses =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [String(i), status]));

/** As `all()`, of instances that were registered again. */
const anew = (count: number, status: ViewStatus): Statuses =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i} anew`, status]));
