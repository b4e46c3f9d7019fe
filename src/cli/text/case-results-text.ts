import type { FileResults } from "../../cases/run-case.ts";
import type { TerminalStyle } from "./terminal-style.ts";

/** One file's results for people. */
export function fileResultsText({ file, results }: FileResults, style: TerminalStyle): string {
  const lines = results.flatMap(({ name, failures, durationMs }) => {
    const word = failures.length === 0 ? style("good", "ok  ") : style("error", "FAIL");
    const time = style("dim", `(${durationMs} ms)`);
    return [`  ${word}  ${name} ${time}`, ...failures.map(indented)];
  });
  return `${style("place", file)}\n${lines.join("\n")}\n`;
}

const indented = (text: string): string =>
  text
    .split("\n")
    .map((line) => `        ${line}`)
    .join("\n");

export function sumText(files: readonly FileResults[]): string {
  const results = files.flatMap((it) => it.results);
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  return `${results.length - failed} passed, ${failed} failed\n`;
}
