import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { filesBelow, readPage } from "./pages.ts";

const PAGE = readPage("CONTRIBUTING.md");

test("the table of rooms has every folder of the program and of the tests", () => {
  const sources = filesBelow("src").map((path) => dirname(path).split("/").slice(0, 3).join("/"));
  const tests = filesBelow("test").map((path) => path.split("/").slice(0, 2).join("/"));
  const mirrored = (room: string): boolean => existsSync(room.replace(/^test/, "src"));
  const rooms = new Set([
    ...sources.filter((room) => room !== "src"),
    ...tests.filter((room) => !room.endsWith(".ts") && !mirrored(room)),
  ]);
  expect([...rooms].filter((room) => !PAGE.includes(`\`${room}\``))).toEqual([]);
});

test("each path that the page names is there", () => {
  const named = [...PAGE.matchAll(/`((?:src|test|docs|templates)\/[\w./-]+)`/g)].map(
    ([, path = ""]) => path,
  );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((path) => !existsSync(path) && path !== "docs/.vitepress/dist")).toEqual([]);
});
