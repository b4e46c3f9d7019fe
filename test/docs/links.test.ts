import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { SIDEBAR } from "../../docs/.vitepress/sidebar.ts";
import { allPages, anchorsOf, filesBelow, readPage, withoutCode } from "./pages.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

interface Link {
  readonly page: string;
  readonly target: string;
}

test("every link of every page leads to a file, and to a heading of it", () => {
  const links = allPages().flatMap(linksOf);
  expect(links.length).toBeGreaterThan(100);
  expect(links.filter((link) => !isGood(link))).toEqual([]);
});

test("no page of the site links to a file outside of it", () => {
  const outside = allPages()
    .filter((page) => page.startsWith("docs/"))
    .flatMap(linksOf)
    .filter(({ page, target }) => !pathOf(page, target).startsWith("docs/"));
  expect(outside).toEqual([]);
});

test("the site's sidebar has every page once", () => {
  const listed = SIDEBAR.flatMap(({ items }) => items.map(({ link }) => `docs${link}.md`));
  const pages = allPages().filter((page) => page.startsWith("docs/") && page !== "docs/index.md");
  expect(listed.toSorted()).toEqual(pages);
});

test("every page of the documentation that the program, its templates and images name is there", () => {
  const places = ["src", "templates", "docker", "examples"].flatMap(filesBelow);
  const named = places.flatMap((path) =>
    [...readPage(path).matchAll(/docs\/[\w/-]+\.md/g)].map(([name]) => ({ path, name })),
  );
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter(({ name }) => !existsSync(join(ROOT, name)))).toEqual([]);
});

function linksOf(page: string): readonly Link[] {
  const text = withoutCode(readPage(page)).replace(/`[^`\n]*`/g, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => ({ page, target }))
    .filter(({ target }) => !/^https?:/.test(target));
}

function isGood({ page, target }: Link): boolean {
  const [, anchor] = target.split("#");
  const path = pathOf(page, target);
  if (!existsSync(join(ROOT, path))) return false;
  return anchor === undefined || anchorsOf(readPage(path)).has(anchor);
}

function pathOf(page: string, target: string): string {
  const [path = ""] = target.split("#");
  return path === "" ? page : normalize(join(dirname(page), path));
}
