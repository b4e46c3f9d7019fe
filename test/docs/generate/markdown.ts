/** What each generated page says to those who would edit it. */
export const GENERATED = "<!-- Written by npm run docs. Changes made here are overwritten. -->";

export const code = (text: string): string => `\`${text}\``;

/** A table of cells, with its columns in line; a pipe in a cell is escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, i) => Math.max(3, ...all.map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [first = [], ...others] = all;
  return [line(first), line(widths.map((it) => "-".repeat(it))), ...others.map(line)].join("\n");
}

/** Text for a page, in which nothing is Markdown, HTML or a placeholder of the site. */
export const plain = (text: string): string =>
  text
    .replace(/[\w./]*\{\{.*?\}\}(?:[\w./]*\w)?/g, code)
    .replaceAll("<", "&lt;")
    .replace(/(?<![`\w])\*(?!\*)/g, "\\*");
