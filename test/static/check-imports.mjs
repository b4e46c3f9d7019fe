// Holds the import direction, and that only cli prints. Fails as well when it did not see every module.

import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { cruise } from "dependency-cruiser";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";

const { forbidden, options } = createRequire(import.meta.url)("../../.dependency-cruiser.cjs");
const result = await cruise(
  ["src"],
  { ...options, validate: true, ruleSet: { forbidden } },
  undefined,
  {
    tsConfig: extractTSConfig("tsconfig.json"),
  },
);
const { modules, summary } = result.output;
const files = (await readdir("src", { recursive: true })).filter((file) => file.endsWith(".ts"));
const cruised = new Set(modules.map(({ source }) => source));
const links = modules.reduce((sum, { dependencies }) => sum + dependencies.length, 0);

const faults = summary.violations.map(({ rule, from, to }) => `${from} → ${to}: ${rule.name}`);
for (const file of files) {
  if (!cruised.has(`src/${file}`)) faults.push(`src/${file} was not looked at`);
  if (file.startsWith("cli/")) continue;
  const text = await readFile(`src/${file}`, "utf8");
  if (/\bconsole\.|process\.stdout\b/.test(text)) faults.push(`src/${file} prints: only cli may`);
}
if (links < files.length) faults.push(`only ${links} imports found in ${files.length} files`);

for (const fault of faults) console.error(fault);
console.log(`${files.length} modules, ${links} imports, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
