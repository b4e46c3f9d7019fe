import type { LogLine } from "../helpers/start-fairlead.ts";

/**
 * One line for people about a line of Fairlead's log, such as `+12.3 s  edge   generation 4 is live: …`.
 *
 * @param elapsedMs since the demo began
 * @returns `undefined` for what is no log line
 */
export function changeLine(line: string, elapsedMs: number): string | undefined {
  if (!line.startsWith("{")) return undefined;
  const entry = JSON.parse(line) as LogLine;
  const seconds = `+${(elapsedMs / 1_000).toFixed(1)} s`.padStart(9);
  const steps = Object.entries(entry).filter(
    (it): it is [string, number] => it[0].endsWith("Ms") && typeof it[1] === "number",
  );
  const took = steps.map(([step, ms]) => `${step.slice(0, -2)} ${ms} ms`).join(", ");
  const hint =
    entry.level > 30 && entry.hint !== undefined ? `\n${" ".repeat(19)}${entry.hint}` : "";
  return `${seconds}  ${(entry.proxy ?? "").padEnd(7)} ${entry.msg}${took === "" ? "" : `  [${took}]`}${hint}`;
}
