import { stripVTControlCharacters } from "node:util";
import type { FileResults } from "./run-case.ts";

/** Results as JUnit XML, which CI servers read: a suite for each file, a test case for each case. */
export function junitReport(files: readonly FileResults[]): string {
  const suites = files.map(({ file, results }) => {
    const failed = results.filter(({ failures }) => failures.length > 0).length;
    const cases = results.map(({ name, failures, durationMs }) => {
      const open = `    <testcase classname=${quoted(file)} name=${quoted(name)} time="${seconds(durationMs)}"`;
      if (failures.length === 0) return `${open}/>\n`;
      const message = quoted(failures[0]?.split("\n")[0] ?? "");
      const text = escaped(failures.join("\n\n"));
      return `${open}>\n      <failure message=${message}>${text}</failure>\n    </testcase>\n`;
    });
    const timeMs = results.reduce((sum, { durationMs }) => sum + durationMs, 0);
    return `  <testsuite name=${quoted(file)} tests="${results.length}" failures="${failed}" errors="0" time="${seconds(timeMs)}">\n${cases.join("")}  </testsuite>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join("")}</testsuites>\n`;
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(3);

const quoted = (text: string): string => `"${escaped(text).replaceAll("\n", "&#10;")}"`;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** XML 1.0 has no way to write control characters (section 2.2). */
const escaped = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/(?![\t\n])[\p{Cc}\ufffe\uffff]/gu, "\ufffd")
    .replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
