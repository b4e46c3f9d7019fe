import { configPage } from "./config-page.ts";
import { helpersPage } from "./helpers-page.ts";

/** The pages that are made from the program itself, by their path in the repository. */
export const GENERATED_PAGES: Readonly<Record<string, () => string>> = {
  "docs/reference/config.md": configPage,
  "docs/reference/helpers.md": helpersPage,
};
