import { expect, test } from "vitest";
import { filesBelow, readPage } from "./pages.ts";

const PAGE = readPage("docs/troubleshooting.md");
/** The program's texts, each value in them as `…`. */
const SOURCE = filesBelow("src")
  .map(readPage)
  .join("\n")
  .replace(/\$\{[^{}]*\}/g, "…")
  .replaceAll('\\"', '"');

test("each message in a heading is one of the program", () => {
  const headings = [...PAGE.matchAll(/^### .*$/gm)].map(([heading]) => heading);
  const messages = headings.flatMap((heading) => heading.match(/(?<=`)[^`]+(?=`)/g) ?? []);
  expect(messages.length).toBeGreaterThan(50);
  expect(messages.filter((message) => !isSaid(message))).toEqual([]);
});

test("each failure that the program reports is on the page", () => {
  const failures = [...SOURCE.matchAll(/(?<=["`])Cannot [^"`…$]{8,}/g)].map(([text]) => text);
  expect(failures.length).toBeGreaterThan(40);
  expect(failures.filter((text) => !PAGE.includes(firstWords(text)))).toEqual([]);
});

const isSaid = (message: string): boolean =>
  message.split(/…|\bN\b/).every((part) => SOURCE.includes(part.trim()));

/** Enough of a message to find it, without what the page puts in its own words. */
const firstWords = (text: string): string =>
  text.trim().replace(/:$/, "").split(" ").slice(0, 4).join(" ");
