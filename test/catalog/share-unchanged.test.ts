import { expect, test } from "vitest";
import type { ServiceSummary } from "../../src/catalog/instance.ts";
import { shareUnchanged } from "../../src/catalog/share-unchanged.ts";

const service = (name: string, ...tags: readonly string[]): ServiceSummary => ({ name, tags });

test("entries that are as they were are the same objects, wherever they stand now", () => {
  const before = [service("a"), service("b", "x"), service("c")];
  const answer = [service("new"), service("a"), service("b", "y"), service("c")];
  const shared = shareUnchanged(before, answer) as readonly ServiceSummary[];
  expect(shared).toEqual(answer);
  expect(shared.map((it) => before.includes(it))).toEqual([false, true, false, true]);
});

test("what is no list is what was answered", () => {
  expect(shareUnchanged({ key: "k", value: "1" }, null)).toBe(null);
  expect(shareUnchanged(undefined, [])).toEqual([]);
});
