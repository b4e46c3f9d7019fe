import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { headingAnchor } from "../../docs/.vitepress/heading-anchor.ts";

const ROOT = new URL("../../", import.meta.url);

/** Every page for people: the documentation, and the pages at the top of the repository. Paths are relative to that. */
export function allPages(): readonly string[] {
  const documentation = readdirSync(new URL("docs", ROOT), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`);
  const top = readdirSync(ROOT).filter((path) => path.endsWith(".md"));
  return [...documentation, ...top].toSorted();
}

/** A file of the repository. */
export const readPage = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

/** The text of a page without its code blocks. */
export const withoutCode = (page: string): string => page.replace(/^```.*?^```$/gms, "");

/** The anchors of a page's headings. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const headings = [...withoutCode(page).matchAll(/^#+ (.+)$/gm)];
  return new Set(headings.map(([, heading = ""]) => headingAnchor(heading.replaceAll("`", ""))));
}

/** The files below a directory of the repository. */
export function filesBelow(directory: string): readonly string[] {
  const entries = readdirSync(new URL(directory, ROOT), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(fileURLToPath(ROOT), join(entry.parentPath, entry.name)));
}
