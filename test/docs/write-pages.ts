import { writeFile } from "node:fs/promises";
import { GENERATED_PAGES } from "./generate/all-pages.ts";

/* `npm run docs`: writes the reference pages. */
for (const [path, page] of Object.entries(GENERATED_PAGES)) {
  await writeFile(new URL(`../../${path}`, import.meta.url), page());
}
