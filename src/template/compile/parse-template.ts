import Handlebars from "handlebars";
import { messageOf } from "../../errors.ts";
import { TemplateFault } from "../template-error.ts";

/**
 * Parses a template's or a partial's text.
 *
 * @param file its name, which every node's place then carries
 * @throws {TemplateFault} with the place
 */
export function parseTemplate(text: string, file: string): hbs.AST.Program {
  try {
    return Handlebars.parse(text, { srcName: file });
  } catch (error) {
    throw syntaxFault(error, text, file);
  }
}

const HINT = "Correct the template; the last known good one stays in force";

/** Handlebars names the place of a syntax error in its message, and of some in fields. */
function syntaxFault(error: unknown, text: string, file: string): TemplateFault {
  const [first = "", near = "", mark = "", expectation = ""] = messageOf(error).split("\n");
  const line = Number(/^Parse error on line (\d+)/.exec(first)?.[1]);
  if (Number.isNaN(line)) return fieldFault(error, first, file);
  const got = /got '(\w+)'$/.exec(expectation)?.[1] ?? "text";
  const rest = near.slice(Math.max(0, mark.length - 1)).replace(/\.\.\.$/, "");
  const place = findPlace(text, line, rest);
  const reads = rest.trim() === "" ? "" : ` at "${rest.trim().slice(0, 20)}"`;
  return new TemplateFault(`not a valid template: unexpected ${TOKENS[got] ?? got}${reads}`, {
    hint: trapHint(got, expectation) ?? (got === "EOF" ? openBlockHint(text) : HINT),
    place: { file, ...place },
  });
}

/** Handlebars' names of tokens, where a reader would not know them. */
const TOKENS: Readonly<Record<string, string>> = {
  EOF: "end of the file",
  CLOSE: "}}",
  CLOSE_UNESCAPED: "}}}",
  CLOSE_RAW_BLOCK: "}}}}",
  OPEN_ENDBLOCK: "{{/",
  INVERSE: "{{else}}",
  OPEN_INVERSE_CHAIN: "{{else",
};

/** Three braces in a row, where the third was meant for nginx or VCL. */
function trapHint(got: string, expectation: string): string | undefined {
  if (got === "CLOSE_UNESCAPED" || got === "CLOSE_RAW_BLOCK") {
    return "Put a space between }} and the closing brace that follows: }}} ends only what {{{ began";
  }
  if (got === "CLOSE" && expectation.includes("'CLOSE_UNESCAPED'")) {
    return "Put a space between the opening brace and {{: {{{ begins raw output, which }}} ends";
  }
  if (/'(CLOSE|END)_RAW_BLOCK'/.test(expectation)) {
    return "Put a space between the opening braces and {{: {{{{ begins a raw block, which nothing here ends";
  }
  return undefined;
}

/** The parser only knows that the file ended; the block that was opened last is the one to close. */
function openBlockHint(text: string): string {
  const open: { readonly name: string; readonly line: number }[] = [];
  const tags = /\{\{(?:!--[\s\S]*?--|~?![^}]*|~?#(?:>\s*|\*)?([\w.-]+)|~?(\/))/g;
  for (const { index, 1: name, 2: isEnd } of text.matchAll(tags)) {
    if (name !== undefined) open.push({ name, line: text.slice(0, index).split("\n").length });
    else if (isEnd !== undefined) open.pop();
  }
  const last = open.at(-1);
  if (last === undefined) return "Write what is missing at the end, such as }}";
  return `Close {{#${last.name}}} of line ${last.line} with {{/${last.name}}}`;
}

function fieldFault(error: unknown, message: string, file: string): TemplateFault {
  const { lineNumber, column } = error as {
    readonly lineNumber?: number;
    readonly column?: number;
  };
  const [, opened, closed] = /^(\S+) doesn't match (\S+)/.exec(message) ?? [];
  const text =
    opened === undefined
      ? message.replace(/ - \d+:\d+$/, "")
      : `not a valid template: {{#${opened}}} is closed by {{/${closed}}}`;
  return new TemplateFault(text, {
    hint: opened === undefined ? HINT : `Close {{#${opened}}} with {{/${opened}}} first`,
    place:
      lineNumber === undefined ? undefined : { file, line: lineNumber, column: (column ?? 0) + 1 },
  });
}

/** The parser's line is where it stopped reading. The unexpected text is there or before. */
function findPlace(text: string, line: number, rest: string): { line: number; column: number } {
  const lines = text.split("\n");
  const needle = rest.slice(0, 12);
  for (
    let at = Math.min(line, lines.length);
    needle.trim() !== "" && at >= 1 && at > line - 3;
    at -= 1
  ) {
    const column = (lines[at - 1] ?? "").indexOf(needle);
    if (column >= 0) return { line: at, column: column + 1 };
  }
  return { line, column: 1 };
}
