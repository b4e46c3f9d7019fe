import { commandLinePage } from "./command-line-page.ts";
import { configPage } from "./config-page.ts";
import { helpersPage } from "./helpers-page.ts";
import { httpApiPage } from "./http-api-page.ts";
import { metricsPage } from "./metrics-page.ts";

/** The pages that are made from the program itself, by their path in the repository. */
export const GENERATED_PAGES: Readonly<Record<string, () => string>> = {
  "docs/reference/command-line.md": commandLinePage,
  "docs/reference/config.md": configPage,
  "docs/reference/helpers.md": helpersPage,
  "docs/reference/http-api.md": httpApiPage,
  "docs/reference/metrics.md": metricsPage,
};
