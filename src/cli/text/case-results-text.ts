import type { FileResults } from "../../cases/run-case.ts";
import type { TerminalStyle } from "./terminal-style.ts";

/** One file's results as a reader wants them. */
export function fileResultsText({ file, results }: FileResults, paint: TerminalStyle): string {
  const lines = results.flatMap(({ name, failures, durationMs }) => {
    const word = failures.length === 0 ? paint("good", "ok  ") : paint("error", "FAIL");
    const time = paint("dim", `(${durationMs} ms)`);
    return [`  ${word}  ${name} ${time}`, ...failures.map(indented)];
  });
  return `${paint("place", file)}\n${lines.join("\n")}\n`;
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
