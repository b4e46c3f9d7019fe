import { expect, test } from "vitest";
import { METRIC_DEFINITIONS } from "../../src/admin/metric-definitions.ts";
import { allPages, readPage } from "./pages.ts";

test("each metric that the documentation names is one of the program", () => {
  const names = new Set<string>(METRIC_DEFINITIONS.map(({ name }) => name));
  const named = allPages()
    .filter((page) => page.startsWith("docs/"))
    .flatMap((page) => [...readPage(page).matchAll(/\bfairlead_[a-z_]+[a-z]\b(?!\.)/g)])
    .map(([name]) => name);
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((name) => !names.has(name))).toEqual([]);
});

test("each metric's name ends with its unit, or for a counter with _total", () => {
  for (const { name, type, unit } of METRIC_DEFINITIONS) {
    expect(name.endsWith("_total")).toBe(type === "counter");
    expect(name.endsWith("_seconds")).toBe(unit === "seconds");
  }
});
