import { type Part, partText } from "../../catalog/part.ts";
import type { Output } from "../render/render-files.ts";
import type { LineOrigin, RenderedLine } from "./blame-line.ts";
import { lineOrigin } from "./blame-line.ts";
import { withoutMarks } from "./marks.ts";
import type { BlameOptions, Traced } from "./trace-render.ts";
import { traceRender } from "./trace-render.ts";

/**
 * Finds where lines of many renders come from that differ in few parts: a line that is in one of them as well, and only
 * once, comes from the same parts. Only for other lines the render at hand is made again with a trace.
 */
export interface LineFinder {
  /** As `blameLine` does. */
  find(at: RenderedLine, options: BlameOptions, render?: FoundIn): LineOrigin | undefined;
}

/** The render that has the line. */
interface FoundIn {
  readonly outputs: readonly Output[];
  /** Parts that are left out of it, by canonical text. */
  readonly without: ReadonlySet<string>;
}

export function createLineFinder(): LineFinder {
  let last: Traced | undefined;
  /** The numbers of the lines of the last trace, by path and text; 0 for a text that several lines have. */
  const numbers = new Map<string, ReadonlyMap<string, number>>();

  return {
    find(at, options, render) {
      const known = render && findKnown(at, render);
      if (known !== undefined) return known;
      numbers.clear();
      last = traceRender(options);
      return last && lineOrigin(last, at);
    },
  };

  function findKnown(
    { path, line, message = "" }: RenderedLine,
    { outputs, without }: FoundIn,
  ): LineOrigin | undefined {
    const text = outputs.find((it) => it.path === path)?.text.split("\n")[line - 1];
    const number = text && numbersOf(path)?.get(text);
    if (last === undefined || !number) return undefined;
    const origin = lineOrigin(last, { path, line: number, message }, { shownAs: line });
    const isIn = ({ part }: { readonly part: Part }): boolean => !without.has(partText(part));
    return origin?.parts.some(isIn) === true ? origin : undefined;
  }

  function numbersOf(path: string): ReadonlyMap<string, number> | undefined {
    const draft = last?.drafts.find((it) => it.path === path);
    if (draft === undefined) return undefined;
    const known = numbers.get(path) ?? numbersByText(withoutMarks(draft.text));
    numbers.set(path, known);
    return known;
  }
}

function numbersByText(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const [i, line] of text.split("\n").entries()) {
    numbers.set(line, numbers.has(line) ? 0 : i + 1);
  }
  return numbers;
}
