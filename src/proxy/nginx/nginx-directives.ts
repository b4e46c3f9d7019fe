/** One simple or block directive of an nginx configuration file, without its block's content. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** How many blocks it is nested in. */
  readonly depth: number;
  /** Offsets of its first character and of the one after its `;` or `{`. */
  readonly start: number;
  readonly end: number;
}

/**
 * Reads the directives of a configuration file's text, in order, as nginx's own parser reads them. Never
 * throws: nginx itself refuses what is not well-formed.
 *
 * Source: nginx, src/core/ngx_conf_file.c, ngx_conf_read_token().
 */
export function readDirectives(text: string): readonly Directive[] {
  const directives: Directive[] = [];
  let depth = 0;
  let words: string[] = [];
  let start = 0;
  let i = 0;
  const finish = (end: number) => {
    const [name, ...args] = words;
    if (name !== undefined) directives.push({ name, args, depth, start, end });
    words = [];
  };
  while (i < text.length) {
    const char = text[i] ?? "";
    if (/\s/.test(char)) {
      i += 1;
    } else if (char === "#") {
      i = endOfLine(text, i);
    } else if (char === ";") {
      i += 1;
      finish(i);
    } else if (char === "{") {
      const isCode = words[0]?.endsWith("_by_lua_block") ?? false;
      i = isCode ? endOfCode(text, i) : i + 1;
      finish(i);
      if (!isCode) depth += 1;
    } else if (char === "}") {
      depth -= 1;
      words = [];
      i += 1;
    } else {
      if (words.length === 0) start = i;
      const word = readWord(text, i);
      words.push(word.value);
      i = word.end;
    }
  }
  return directives;
}

function readWord(text: string, start: number): { readonly value: string; readonly end: number } {
  const quote = text[start];
  if (quote === '"' || quote === "'") return readQuoted(text, start + 1, quote);
  let i = start;
  let value = "";
  while (i < text.length && !/[\s;]/.test(text[i] ?? "")) {
    if (text[i] === "{" && text[i - 1] !== "$") break;
    if (text[i] === "\\" && i + 1 < text.length) value += text[i++];
    value += text[i++];
    if (value.endsWith("${")) while (i < text.length && !value.endsWith("}")) value += text[i++];
  }
  return { value, end: Math.max(i, start + 1) };
}

function readQuoted(
  text: string,
  start: number,
  quote: string,
): { readonly value: string; readonly end: number } {
  let i = start;
  let value = "";
  while (i < text.length && text[i] !== quote) {
    if (text[i] === "\\" && /["'\\]/.test(text[i + 1] ?? "")) i += 1;
    value += text[i++];
  }
  return { value, end: i + 1 };
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf("\n", start);
  return end < 0 ? text.length : end;
}

/** Skips a block of another language by counting its braces. */
function endOfCode(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i += 1) {
    if (text[i] === "{") depth += 1;
    if (text[i] === "}") depth -= 1;
    if (depth === 0) return i + 1;
  }
  return text.length;
}
