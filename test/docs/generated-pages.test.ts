import { expect, test } from "vitest";
import { GENERATED_PAGES } from "./generate/all-pages.ts";
import { readPage } from "./pages.ts";

test.for(Object.entries(GENERATED_PAGES))("%s is what npm run docs writes", ([path, page]) => {
  expect(readPage(path)).toBe(page());
});
