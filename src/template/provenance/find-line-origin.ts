import { MARK } from "./marks.ts";
import type { OutputOrigin } from "./trace.ts";

/** Where a line of a rendered file comes from. */
export interface LinePieces {
  /** What the line begins within, or the first piece on it. */
  readonly first: OutputOrigin;
  /** All pieces that have text on it, in their order. */
  readonly all: readonly OutputOrigin[];
}

/**
 * Finds what a line of a marked text is made from.
 *
 * @param line from 1, counted without the marks
 */
export function findLineOrigin(
  text: string,
  line: number,
  origins: readonly OutputOrigin[],
): LinePieces | undefined {
  let at = 1;
  let first: OutputOrigin | undefined;
  const all: OutputOrigin[] = [];
  const found = [...text.matchAll(MARK)];
  for (const [i, match] of found.entries()) {
    const begin = match.index + match[0].length;
    const piece = text.slice(begin, found[i + 1]?.index ?? text.length);
    const lines = piece.split("\n");
    const own = lines[line - at];
    const origin = origins[Number(match[1])];
    if (own !== undefined && origin !== undefined) {
      const moved = movedDown(origin, line - at);
      // An empty value may be what is wrong with the line.
      if (own.trim() !== "" || (origin.isValue && at === line)) all.push(moved);
      first ??= moved;
    }
    at += lines.length - 1;
    if (at > line) break;
  }
  return first && { first: all[0] ?? first, all };
}

const movedDown = (origin: OutputOrigin, lines: number): OutputOrigin =>
  lines === 0
    ? origin
    : { ...origin, place: { ...origin.place, line: origin.place.line + lines, column: 1 } };
