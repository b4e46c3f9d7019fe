import { MARK, type OutputOrigin } from "./trace.ts";

/**
 * Where a line of a marked text comes from: what has a subject on it comes first, then what began it.
 *
 * @param line from 1, counted without the marks
 */
export function findLineOrigin(
  text: string,
  line: number,
  origins: readonly OutputOrigin[],
): OutputOrigin | undefined {
  let at = 1;
  let read = 0;
  /** What the line begins within. */
  let carried: OutputOrigin | undefined;
  const onLine: OutputOrigin[] = [];
  for (const match of text.matchAll(MARK)) {
    const passed = lineBreaks(text.slice(read, match.index));
    // The text before this mark belongs to the one before it, and may hold whole lines.
    if (carried !== undefined && at < line)
      carried = movedDown(carried, Math.min(passed, line - at));
    at += passed;
    read = match.index + match[0].length;
    const origin = origins[Number(match[1])];
    if (origin === undefined) continue;
    if (at > line) break;
    if (at === line) onLine.push(origin);
    else carried = origin;
  }
  if (carried !== undefined && at < line) carried = movedDown(carried, line - at);
  const candidates = [...onLine, ...(carried === undefined ? [] : [carried])];
  return (
    candidates.find(({ subject }) => subject?.instance !== undefined) ??
    candidates.find(({ subject }) => subject !== undefined) ??
    carried ??
    candidates[0]
  );
}

const lineBreaks = (text: string): number => text.split("\n").length - 1;

const movedDown = ({ place, subject }: OutputOrigin, lines: number): OutputOrigin =>
  lines === 0
    ? { place, subject }
    : { place: { ...place, line: place.line + lines, column: 1 }, subject };
