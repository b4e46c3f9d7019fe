import { styleText } from "node:util";

/** The styles of words on a terminal. */
export type StyleName =
  | "error"
  | "warning"
  | "note"
  | "good"
  | "added"
  | "removed"
  | "place"
  | "dim";

/** Gives a text a style, or leaves it as it is. */
export type TerminalStyle = (name: StyleName, text: string) => string;

const STYLES: Readonly<Record<StyleName, Parameters<typeof styleText>[0]>> = {
  error: ["bold", "red"],
  warning: "yellow",
  note: "cyan",
  good: "green",
  added: "green",
  removed: "red",
  place: "bold",
  dim: "dim",
};

/**
 * The style of standard output. `--color` and `--no-color` decide first, then `NO_COLOR`, then whether it is a terminal
 * that has colours.
 */
export function createTerminalStyle(color: boolean | undefined): TerminalStyle {
  if (!(color ?? isColorTerminal())) return (_, text) => text;
  return (name, text) => styleText(STYLES[name], text, { validateStream: false });
}

/** `NO_COLOR` counts when it is not empty, whatever its value (no-color.org). */
function isColorTerminal(): boolean {
  if ((process.env["NO_COLOR"] ?? "") !== "") return false;
  return process.stdout.isTTY && process.stdout.hasColors();
}
