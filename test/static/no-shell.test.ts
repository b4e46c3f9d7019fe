import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Ways to have a shell read a command, or JavaScript read a text. */
const FORBIDDEN = [
  /\bshell:(?! false\b)/,
  /\bexec(Sync)?\(/,
  /\bexecaCommand\b|[\s(=]\$`/,
  /"(\/bin\/)?(ba|da|z)?sh"/,
  /\beval\(|\bnew Function\b|node:vm\b/,
];
/** A pattern's `.exec(` is another matter. */
const withoutPatterns = (line: string): string => line.replaceAll(/[\w)/\]]\??\.exec\(/g, "");

test("no shell, and nothing that is read at run time is run", async () => {
  const files = (await readdir("src", { recursive: true })).filter((it) => it.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(100);
  const found: string[] = [];
  for (const file of files) {
    const lines = (await readFile(join("src", file), "utf8")).split("\n");
    for (const [i, line] of lines.entries()) {
      const isComment = /^\s*(\/?\*|\/\/)/.test(line);
      if (isComment) continue;
      if (FORBIDDEN.some((it) => it.test(withoutPatterns(line))))
        found.push(`${file}:${i + 1}: ${line}`);
    }
  }
  expect(found).toEqual([]);
});
