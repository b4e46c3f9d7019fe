import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { helpersPage } from "./helpers-page.ts";

test("docs/helpers.md tells the helpers as they are; npm run docs writes it", async () => {
  const page = new URL("../../docs/helpers.md", import.meta.url);
  expect(await readFile(page, "utf8")).toBe(helpersPage());
});
