import { runFairlead } from "../helpers/start-fairlead.ts";
import { benchChanges } from "./change-bench.ts";
import { median } from "./median.ts";
import { benchRender } from "./render-bench.ts";
import { benchScale } from "./scale-bench.ts";
import { benchVarnish } from "./varnish-bench.ts";

/*
 * `npm run bench [-- render | varnish | scale | SERVICES ...]`: how long rendering takes, what a change costs a large
 * Varnish, what thousands of services cost, and how long a change takes to be served, beside the least that can be done, in one run.
 */

const rows: (readonly string[])[] = [];
const asked = process.argv.slice(2);
if (asked.length === 0 || asked.includes("render")) rows.push(...(await benchRender()));
if (asked.includes("varnish")) rows.push(...(await benchVarnish()));
if (asked.includes("scale")) rows.push(...(await benchScale()));
const sizes = asked.length === 0 ? [20, 150, 300] : asked.map(Number).filter(Number.isInteger);
if (sizes.length > 0) {
  rows.push(["fairlead --version", `${median(await versionTimes()).toFixed(0)} ms`, "< 150 ms"]);
}
for (const services of sizes) rows.push(...(await benchChanges(services)));
print(rows);

async function versionTimes(): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < 11; i += 1) {
    const begin = performance.now();
    await runFairlead(["--version"]);
    times.push(performance.now() - begin);
  }
  return times;
}

function print(table: readonly (readonly string[])[]): void {
  const all = [["what", "measured", "to reach"], ...table];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  for (const row of all)
    console.log(`| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
}
