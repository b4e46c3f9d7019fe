import { styleText } from "node:util";

/** Kinds of words that stand out on a terminal. */
export type Style = "error" | "warning" | "note" | "good" | "added" | "removed" | "place" | "dim";

/** Colours a text, or leaves it as it is. */
export type TerminalStyle = (style: Style, text: string) => string;

const STYLES: Readonly<Record<Style, Parameters<typeof styleText>[0]>> = {
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
 * How standard output is coloured: as `--color` or `--no-color` says, else never with `NO_COLOR`, else when it
 * is a terminal that has colours.
 */
export function createTerminalStyle(color: boolean | undefined): TerminalStyle {
  if (!(color ?? isWelcome())) return (_, text) => text;
  return (style, text) => styleText(STYLES[style], text, { validateStream: false });
}

/** Source: no-color.org: set and not empty, whatever the value. */
function isWelcome(): boolean {
  if ((process.env["NO_COLOR"] ?? "") !== "") return false;
  return process.stdout.isTTY && process.stdout.hasColors();
}
