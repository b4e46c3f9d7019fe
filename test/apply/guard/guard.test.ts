import { describe, expect, test } from "vitest";
import { createGuard, type GuardVerdict, type LetGo } from "../../../src/apply/guard/guard.ts";
import { isRecovered, isRegistered, resetReason } from "../../../src/apply/guard/recovery.ts";
import { type GuardRules, suspicion } from "../../../src/apply/guard/suspicion.ts";
import {
  EMPTY_VIEW,
  type Statuses,
  type View,
  type ViewStatus,
} from "../../../src/apply/guard/view.ts";

const RULES = { maxDropPercent: 50, minInstances: {} };

describe("suspicion()", () => {
  test("unhealthy instances that leave are none: they are still registered", () => {
    for (const sick of [1, 2, 3]) {
      const after = seen({ web: { ...all(3, "passing"), ...all(sick, "critical") } });
      expect(suspicious(view({ web: 3 }), after, RULES)).toBeUndefined();
    }
    const before = view({ a: 4, b: 4, c: 4 });
    const unhealthy = all(4, "critical");
    const after = seen({ a: unhealthy, b: unhealthy, c: unhealthy });
    expect(suspicious(before, after, RULES)).toBeUndefined();
  });

  test("everything gone at once is one", () => {
    const before = view({ web: 2, api: 1 });
    expect(suspicious(before, NOTHING, RULES)).toBe("all 3 instances vanished at once");
    expect(suspicious(before, seen({ web: {} }), RULES)).toBe("all 3 instances vanished at once");
  });

  test("the last instance of all going by itself is none", () => {
    expect(suspicious(view({ web: 1 }), NOTHING, RULES)).toBeUndefined();
  });

  test("more than the share of at least 10 instances across at least 3 services is one", () => {
    const before = view({ a: 4, b: 4, c: 4 });
    expect(suspicious(before, view({ a: 1, b: 1, c: 1 }), RULES)).toBe(
      "9 of 12 instances of 3 services are gone at once: a, b, c",
    );
    expect(suspicious(before, view({ a: 2, b: 2, c: 2 }), RULES)).toBeUndefined();
    expect(suspicious(before, view({ c: 4 }), RULES)).toBeUndefined();
    expect(suspicious(view({ a: 3, b: 3, c: 3 }), view({ a: 1 }), RULES)).toBeUndefined();
    const rules = { ...RULES, maxDropPercent: 80 };
    expect(suspicious(before, view({ a: 1, b: 1, c: 1 }), rules)).toBeUndefined();
  });

  test("a node that is down is named, unless each service keeps a healthy instance elsewhere", () => {
    const before = seen({
      a: on("c1", 1, on("c2", 4)),
      b: on("c1", 1, on("c2", 4)),
      c: on("c2", 4),
    });
    const down = (name: string, more: Statuses = {}) => ({
      ...on("c2", 4, {}, "unreachable"),
      ...on(name, 1),
      ...more,
    });
    const kept = seen({ a: down("c1"), b: down("c1"), c: down("c3") });
    expect(suspicious(before, kept, RULES)).toBeUndefined();
    const alone = seen({ a: on("c2", 4, {}, "unreachable"), b: down("c1"), c: down("c1") });
    expect(suspicious(before, alone, RULES)).toBeUndefined(); // one service, by itself

    const gone = on("c2", 4, {}, "unreachable");
    expect(suspicious(before, seen({ a: gone, b: gone, c: gone }), RULES)).toBe(
      "14 of 14 instances of 3 services are gone at once: a, b, c",
    );
    const unhealthy = on("c1", 1, gone, "critical");
    const words = suspicion(before, seen({ a: unhealthy, b: unhealthy, c: gone }), RULES);
    expect(words).toMatchObject({
      reason: "node c2 is down: 12 of 14 instances ran there",
      hint: "See whether node c2 can reach Consul",
    });
  });

  test("so is a node that left, and two that left at once are a loss", () => {
    const three = on("c1", 1, on("c2", 2, on("c3", 2)));
    const before = seen({ a: three, b: three, c: three });
    const without = (...nodes: readonly string[]) => {
      const left = Object.entries(three).filter(
        ([key]) => !nodes.includes(key.split("\t")[0] ?? ""),
      );
      return Object.fromEntries(left);
    };
    const one = without("c2");
    expect(suspicious(before, seen({ a: one, b: one, c: one }), RULES)).toBeUndefined();
    const two = without("c2", "c3");
    expect(suspicious(before, seen({ a: two, b: two, c: two }), RULES)).toContain("12 of 15");

    const more = {
      ...before,
      instances: new Map([...before.instances, ["dc1/service/x", on("c4", 1)]]),
    };
    const empty = seen({ a: on("c1", 0), x: on("c4", 1) });
    expect(suspicious(more, empty, RULES)).toContain("15 of 16 instances of 3 services");
    const all = on("c2", 5);
    const onOne = seen({ a: all, b: all, c: all, x: on("c4", 1) });
    expect(suspicion(onOne, seen({ x: on("c4", 1) }), RULES)).toMatchObject({
      reason: "node c2 is gone: 15 of 16 instances ran there",
      hint: "See whether node c2 left on purpose",
    });
  });

  test("three services that are emptied are one, however many instances the others have", () => {
    const real = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, 5]));
    const padding = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`pad-${i}`, 1]));
    for (const pad of [{ padding: 60 }, padding]) {
      expect(suspicious(view({ ...real, ...pad }), view(pad), RULES)).toBe(
        "4 services are gone at once, with all 20 instances: a, b, c, d",
      );
      expect(
        suspicious(view({ ...real, ...pad }), view({ a: 5, b: 5, ...pad }), RULES),
      ).toBeUndefined();
    }
    const small = view({ a: 1, b: 1, c: 1, big: 50, more: 1 });
    expect(suspicion(small, view({ big: 50, more: 1 }), RULES)?.hint).toContain(
      "deregistered on purpose",
    );
    expect(suspicious(small, view({ big: 50, more: 1, c: 1 }), RULES)).toBeUndefined();
    const scaledIn = view({ a: 1, b: 1, c: 1, big: 60 });
    expect(suspicious(view({ a: 10, b: 10, c: 10, big: 60 }), scaledIn, RULES)).toBeUndefined();
  });

  test("a redeploy that replaces every instance is none", () => {
    const named = (name: string) =>
      Object.fromEntries([0, 1, 2, 3].map((i) => [name + i, "passing" as const]));
    const of = (name: string) => seen({ a: named(name), b: named(name), c: named(name) });
    expect(suspicious(of("old"), of("new"), RULES)).toBeUndefined();
  });

  test("a service that falls below what it was asked to keep is one, and one that was below is none", () => {
    const rules = { ...RULES, minInstances: { web: 2, "*": 1 } };
    const sick = seen({ web: { ...all(3, "passing"), ...all(2, "critical") } });
    expect(suspicious(view({ web: 3 }), sick, rules)).toBe(
      'service "web" would have 1 passing instances, and guard.minInstances asks for 2',
    );
    expect(
      suspicious(view({ web: 1 }), seen({ web: {}, x: all(1, "passing") }), rules),
    ).toBeUndefined();
    expect(suspicious(view({ x: 2, web: 2 }), view({ web: 2 }), rules)).toContain(
      '"x" would have 0',
    );
  });
});

describe("resetReason()", () => {
  const before = view({ web: 2, api: 1 });
  const RESET = "all 3 instances are gone or registered again, and not all is back: ";

  test("sees a Consul that lost its data, while a service is missing or no check has reported on it", () => {
    expect(reset(before, seen({ web: again(1, "passing") }))).toBe(`${RESET}service "api"`);
    const unchecked = { web: again(2, "passing"), api: again(1, "unchecked") };
    expect(reset(before, seen(unchecked))).toBe(`${RESET}service "api"`);
    const unreachable = { web: again(2, "passing"), api: again(1, "unreachable") };
    expect(reset(before, seen(unreachable))).toBe(`${RESET}service "api"`);
  });

  test("sees a catalog that is older than what was made of it: what had been checked is unchecked", () => {
    const older = seen({ web: all(2, "unchecked"), api: all(1, "unchecked") });
    expect(reset(before, older)).toBe(`${RESET}service "web", service "api"`);
    expect(reset(older, older)).toBeUndefined();
  });

  test("sees none where all services are back, also as fewer instances or unhealthy ones", () => {
    const back = { web: again(1, "passing"), api: again(1, "critical") };
    expect(reset(before, seen(back))).toBeUndefined();
    const wasUnhealthy = seen({ web: all(2, "passing"), api: all(1, "critical") });
    const isUnchecked = seen({ web: again(2, "passing"), api: again(1, "unchecked") });
    expect(reset(wasUnhealthy, isUnchecked)).toBeUndefined();
  });

  test("sees none where no service is in both: another one is asked for", () => {
    expect(reset(before, seen({ green: again(2, "unchecked") }))).toBeUndefined();
    expect(reset(before, NOTHING)).toBeUndefined();
  });

  test("sees none where anything is left as it was, nor in what grows or is alone", () => {
    expect(reset(before, seen({ web: all(1, "critical") }))).toBeUndefined();
    const first = seen({ web: all(1, "unchecked"), api: all(1, "unchecked") });
    expect(reset(first, seen({ web: all(2, "unchecked") }))).toBeUndefined();
    expect(reset(view({ web: 1 }), seen({ web: again(1, "unchecked") }))).toBeUndefined();
    expect(reset(NOTHING, first)).toBeUndefined();
  });
});

describe("createGuard()", () => {
  test("holds an empty view until every service is there again", () => {
    const { guard, letGo } = guardOf();
    const before = view({ web: 2, api: 1 });
    expect(reasonOf(guard.judge(before, NOTHING, 0))).toContain("vanished");
    expect(reasonOf(guard.judge(before, view({ web: 1 }), 10))).toContain("vanished");
    expect(guard.endsAtMs()).toBe(1_000);
    expect(guard.judge(before, view({ web: 1, api: 1 }), 20)).toEqual({ kind: "pass" });
    expect(guard.endsAtMs()).toBeUndefined();
    expect(letGo).toEqual(["recovered"]);
  });

  test("holds until the checks of what is registered again have reported, whether or not it was ever seen empty", () => {
    const before = view({ web: 2, api: 1 });
    const unchecked = seen({ web: again(2, "unchecked"), api: again(1, "unchecked") });
    const partly = seen({ web: again(2, "passing"), api: again(1, "unchecked") });
    const back = seen({ web: again(2, "passing"), api: again(1, "passing") });
    for (const first of [NOTHING, unchecked]) {
      const { guard, letGo } = guardOf();
      expect(guard.judge(before, first, 0)).toMatchObject({ kind: "held" });
      expect(reasonOf(guard.judge(before, unchecked, 10))).toContain("registered again");
      expect(reasonOf(guard.judge(before, partly, 20))).toContain("registered again");
      expect(guard.judge(before, back, 30)).toEqual({ kind: "pass" });
      expect(letGo).toEqual(["recovered"]);
    }
  });

  test("takes what is registered again for what Consul says of it once its first check is overdue", () => {
    const { guard, letGo } = guardOf({ holdMs: 600_000 });
    const before = view({ web: 2, api: 1 });
    const unchecked = seen({ web: again(2, "passing"), api: again(1, "unchecked") });
    expect(guard.judge(before, seen({ web: again(1, "unchecked") }), 0)).toMatchObject({
      kind: "held",
    });
    expect(guard.endsAtMs()).toBe(600_000);
    expect(guard.judge(before, unchecked, 10_000)).toMatchObject({ kind: "held" });
    expect(guard.endsAtMs()).toBe(70_000);
    expect(guard.judge(before, unchecked, 69_999)).toMatchObject({ kind: "held" });
    expect(guard.judge(before, unchecked, 70_000)).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("waits no shorter for a minimum of instances: all are registered, and none is unchecked", () => {
    const minInstances = { web: 2 };
    const { guard } = guardOf({ holdMs: 600_000, rules: { ...RULES, minInstances } });
    const sick = seen({ web: { ...all(2, "passing"), ...all(1, "critical") } });
    expect(guard.judge(view({ web: 2 }), sick, 0)).toMatchObject({ kind: "held" });
    expect(guard.endsAtMs()).toBe(600_000);
  });

  test("lets go when its time is up, and for as long as that does not go live", () => {
    const { guard, letGo } = guardOf();
    expect(reasonOf(guard.judge(view({ web: 2 }), NOTHING, 0))).toContain("vanished");
    expect(guard.judge(view({ web: 2 }), NOTHING, 1_000)).toEqual({ kind: "pass" });
    expect(guard.judge(view({ web: 2 }), NOTHING, 2_000)).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("what vanishes again while a loss is held has all of its time before it", () => {
    const { guard, letGo } = guardOf();
    const before = view({ web: 4, api: 1, more: 1 });
    expect(reasonOf(guard.judge(before, NOTHING, 0))).toContain("vanished");
    expect(reasonOf(guard.judge(before, view({ web: 4 }), 100))).toContain("vanished");
    expect(reasonOf(guard.judge(before, NOTHING, 990))).toContain("vanished");
    expect(reasonOf(guard.judge(before, NOTHING, 1_000))).toContain("vanished");
    expect(guard.endsAtMs()).toBe(1_990);
    expect(guard.judge(before, view({ web: 4 }), 1_990)).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("a Consul that lost its data while a loss is held has all of its time before it, too", () => {
    const { guard } = guardOf();
    const before = view({ web: 2, gone: 1 });
    expect(reasonOf(guard.judge(before, NOTHING, 0))).toContain("vanished");
    expect(reasonOf(guard.judge(before, seen({ web: again(2, "passing") }), 100))).toContain(
      "registered again",
    );
    const third = seen({ web: { "n\tthird": "unchecked", "n\ttoo": "unchecked" } });
    expect(reasonOf(guard.judge(before, third, 990))).toContain("registered again");
    expect(guard.endsAtMs()).toBe(1_990);
  });

  test("what is registered again again and again before all checks have told is not held for good", () => {
    const { guard, letGo } = guardOf({ holdMs: 100_000 });
    const before = view({ web: 2, api: 1 });
    const round = (i: number) => {
      const [checked, unchecked] = i % 2 === 0 ? ["web", "api"] : ["api", "web"];
      return seen({
        [checked]: { [`n\tround ${i}`]: "passing" },
        [unchecked]: { [`n\tround ${i}`]: "unchecked" },
      });
    };
    let verdict: GuardVerdict = { kind: "pass" };
    for (let i = 0; i <= 36; i += 1) {
      verdict = guard.judge(before, round(i), i * 10_000);
      if (i < 36) expect(reasonOf(verdict)).toContain("registered again");
    }
    expect(verdict).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("what others lose and get back again and again does not hold back for good what is gone for good", () => {
    const { guard, letGo } = guardOf();
    const [before, without] = [view({ a: 4, b: 4, c: 4, gone: 1 }), view({ a: 4, b: 4, c: 4 })];
    for (let atMs = 0; atMs < 3_000; atMs += 600) {
      expect(reasonOf(guard.judge(before, NOTHING, atMs))).toContain("vanished");
      expect(guard.endsAtMs()).toBe(atMs + 1_000);
      expect(reasonOf(guard.judge(before, without, atMs + 300))).toContain("vanished");
    }
    expect(guard.endsAtMs()).toBe(3_000);
    expect(reasonOf(guard.judge(before, NOTHING, 3_000))).toContain("vanished");
    expect(guard.endsAtMs()).toBe(4_000);
    expect(guard.judge(before, without, 3_300)).toEqual({ kind: "pass" });
    expect(letGo).toEqual(["time"]);
  });

  test("lets go what is accepted, but not what vanishes after that", () => {
    const { guard, letGo } = guardOf();
    const before = view({ a: 4, b: 4, c: 4 });
    expect(guard.accept()).toBe(false);
    expect(reasonOf(guard.judge(before, view({ a: 2, b: 1, c: 1 }), 0))).toContain("gone");
    expect(guard.accept()).toBe(true);
    expect(letGo).toEqual(["accepted"]);
    expect(guard.judge(before, view({ a: 2, b: 1, c: 1 }), 10)).toEqual({ kind: "pass" });
    expect(reasonOf(guard.judge(before, NOTHING, 20))).toContain("vanished");
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
    expect(reasonOf(guard.judge(second, view({ c: 1 }), 2_000))).toContain("11 of 12");
    expect(guardOf().guard.judge(second, view({ c: 1 }), 2_000)).toEqual({ kind: "pass" });

    const other = guardOf().guard;
    other.wentLive(whole, 0);
    other.forgetSteps();
    expect(other.judge(second, view({ c: 1 }), 2_000)).toEqual({ kind: "pass" });
  });

  test("waits a moment before a service is emptied, to see whether it is alone", () => {
    const { guard } = guardOf();
    const [whole, first] = [view({ a: 4, b: 4, c: 4 }), view({ b: 4, c: 4 })];
    expect(guard.judge(whole, first, 0)).toEqual({ kind: "listening" });
    expect(guard.endsAtMs()).toBe(200);
    expect(guard.judge(whole, view({ c: 1 }), 100)).toMatchObject({ kind: "held" });
    expect(guard.judge(whole, whole, 150)).toEqual({ kind: "pass" });
    expect(guard.judge(whole, first, 1_000)).toEqual({ kind: "listening" });
    expect(guard.judge(whole, first, 1_200)).toEqual({ kind: "pass" });
    expect(guard.endsAtMs()).toBeUndefined();
    expect(guard.judge(whole, first, 1_300)).toEqual({ kind: "pass" });
  });

  test("forgets a step after a while", () => {
    const { guard } = guardOf();
    guard.wentLive(view({ a: 4, b: 4, c: 4 }), 0);
    expect(guard.judge(view({ c: 4 }), view({ c: 1 }), 6_000)).toEqual({ kind: "pass" });
  });

  const reasonOf = (verdict: GuardVerdict) =>
    verdict.kind === "held" ? verdict.loss.reason : verdict.kind;

  test("in shadow mode lets everything go, and reports what it would hold", () => {
    const { guard, shadow } = guardOf({ isShadow: true });
    expect(guard.judge(view({ web: 2 }), NOTHING, 0)).toEqual({ kind: "pass" });
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
        onShadow: ({ reason }) => void shadow.push(reason),
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

const suspicious = (before: View, after: View, rules: GuardRules): string | undefined =>
  suspicion(before, after, rules)?.reason;

const reset = (before: View, after: View): string | undefined => resetReason(before, after)?.reason;

function view(counts: Readonly<Record<string, number>>): View {
  return seen(
    Object.fromEntries(
      Object.entries(counts).map(([service, count]) => [service, all(count, "passing")]),
    ),
  );
}

const seen = (services: Readonly<Record<string, Statuses>>): View => ({
  instances: new Map(
    Object.entries(services).map(([name, statuses]) => [`dc1/service/${name}`, statuses]),
  ),
  lists: new Map(),
});

const NOTHING = EMPTY_VIEW;

const all = (count: number, status: ViewStatus): Statuses =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`n\t${i}`, status]));

/** So many instances on a node, and `more`. */
const on = (
  node: string,
  count: number,
  more: Statuses = {},
  status: ViewStatus = "passing",
): Statuses => ({
  ...more,
  ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`${node}\t${i}`, status])),
});

/** As `all()`, of instances that were registered again. */
const again = (count: number, status: ViewStatus): Statuses =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`n\t${i}\tagain`, status]));
