import { writeFile } from "node:fs/promises";
import { helpersPage } from "./helpers-page.ts";

await writeFile(new URL("../../docs/helpers.md", import.meta.url), helpersPage());
