import type { Lexer, Statement } from "./lexer.ts";
import type { NginxPlace } from "./nginx-place.ts";

interface NginxState {
  readonly mode: "gap" | "word" | "double" | "single" | "comment" | "code";
  /** Complete words of the directive so far; more than 2 are counted as 2. */
  readonly words: number;
  /** The first word, where it is static. */
  readonly directive: string | undefined;
  /** The last complete word, where it is static. */
  readonly previous: string | undefined;
  /** The static beginning of the word at hand. */
  readonly word: string;
  /** The word at hand has a value in it. */
  readonly hasValue: boolean;
  /** A backslash, or a dollar sign, stands just before. */
  readonly after: "backslash" | "dollar" | undefined;
  /** Names of the blocks around, outermost first. */
  readonly blocks: readonly string[];
  /** Braces open within a block of code in another language. */
  readonly codeDepth: number;
}

/** Blocks whose entries are data: their first word is no directive's name. */
export const DATA_BLOCKS = ["map", "geo", "types", "split_clients", "charset_map"];
/** Deeper blocks are not told apart: a template that opens blocks in a loop must come to an end. */
const DEEPEST = 12;
const LONGEST_WORD = 64;

/** What separates words: nothing else does, such as a no-break space. */
const isSpace = (char: string): boolean => /[ \t\r\n]/.test(char);

/**
 * Cuts an nginx configuration into words as nginx does.
 *
 * Source: nginx, src/core/ngx_conf_file.c, ngx_conf_read_token().
 */
export const nginxLexer: Lexer<NginxState, NginxPlace> = {
  start: {
    mode: "gap",
    words: 0,
    directive: undefined,
    previous: undefined,
    word: "",
    hasValue: false,
    after: undefined,
    blocks: [],
    codeDepth: 0,
  },
  text(state, text, onStatement) {
    let result = state;
    for (let i = 0; i < text.length; ) {
      const run = runAt(result, text, i);
      result = run === "" ? next(result, text[i] ?? "", onStatement) : grow(result, run);
      i += run.length || 1;
    }
    return result;
  },
  place: placeOf,
  value(state) {
    if (placeOf(state).kind === "name") return state;
    if (state.mode === "comment" || state.mode === "code") return state;
    const mode = state.mode === "gap" ? "word" : state.mode;
    return { ...state, mode, hasValue: true, after: undefined };
  },
};

/** Characters that mean nothing but themselves in each mode. */
const PLAIN: Readonly<Record<NginxState["mode"], RegExp>> = {
  gap: /[ \t\r\n]+/y,
  word: /[^ \t\r\n;{\\$]+/y,
  double: /[^"\\$]+/y,
  single: /[^'\\$]+/y,
  comment: /[^\n]+/y,
  code: /[^{}]+/y,
};

/** Of the text from `i` on, what can be read at once. */
function runAt(state: NginxState, text: string, i: number): string {
  if (state.after !== undefined) return "";
  const pattern = PLAIN[state.mode];
  pattern.lastIndex = i;
  return pattern.exec(text)?.[0] ?? "";
}

function next(
  state: NginxState,
  char: string,
  onStatement?: (statement: Statement) => void,
): NginxState {
  switch (state.mode) {
    case "comment":
      return char === "\n" ? { ...state, mode: "gap" } : state;
    case "code":
      return inCode(state, char);
    case "double":
    case "single":
      return inQuotes(state, char);
    case "word":
      return inWord(state, char, onStatement);
    case "gap":
      return inGap(state, char, onStatement);
  }
}

function inGap(
  state: NginxState,
  char: string,
  onStatement?: (statement: Statement) => void,
): NginxState {
  if (isSpace(char)) return state;
  switch (char) {
    case ";":
    case "{":
    case "}":
      return endDirective(state, char, onStatement);
    case "#":
      return { ...state, mode: "comment" };
    case '"':
      return { ...state, mode: "double", word: "", hasValue: false, after: undefined };
    case "'":
      return { ...state, mode: "single", word: "", hasValue: false, after: undefined };
    default:
      return grow({ ...state, mode: "word", word: "", hasValue: false, after: undefined }, char);
  }
}

function inWord(
  state: NginxState,
  char: string,
  onStatement?: (statement: Statement) => void,
): NginxState {
  if (state.after === "backslash") return grow({ ...state, after: undefined }, char, "escaped");
  if (char === "{" && state.after === "dollar") return grow(state, char);
  if (isSpace(char)) return endWord(state);
  if (char === ";" || char === "{") return endDirective(endWord(state), char, onStatement);
  return grow(state, char);
}

function inQuotes(state: NginxState, char: string): NginxState {
  if (state.after === "backslash") return grow({ ...state, after: undefined }, char, "escaped");
  if (char === (state.mode === "double" ? '"' : "'")) return endWord(state);
  return grow(state, char);
}

function inCode(state: NginxState, char: string): NginxState {
  if (char === "{") return { ...state, codeDepth: state.codeDepth + 1 };
  if (char !== "}") return state;
  if (state.codeDepth > 1) return { ...state, codeDepth: state.codeDepth - 1 };
  return { ...state, mode: "gap", codeDepth: 0 };
}

/** Takes one character, or a run of plain ones, into the word at hand. */
function grow(state: NginxState, run: string, how?: "escaped"): NginxState {
  const after = how === "escaped" ? undefined : AFTER[run];
  const isWord = state.mode === "word" || state.mode === "double" || state.mode === "single";
  if (!isWord) return state;
  if (state.hasValue || state.word.length >= LONGEST_WORD) {
    return state.after === after ? state : { ...state, after };
  }
  return { ...state, word: state.word + run, after };
}

const AFTER: Readonly<Record<string, NginxState["after"]>> = { "\\": "backslash", $: "dollar" };

function endWord(state: NginxState): NginxState {
  const word = state.hasValue ? undefined : state.word;
  return {
    ...state,
    mode: "gap",
    words: Math.min(state.words + 1, 2),
    directive: state.words === 0 ? word : state.directive,
    previous: word,
    word: "",
    hasValue: false,
    after: undefined,
  };
}

function endDirective(
  state: NginxState,
  end: ";" | "{" | "}",
  onStatement?: (statement: Statement) => void,
): NginxState {
  const isData = DATA_BLOCKS.includes(state.blocks.at(-1) ?? "");
  onStatement?.({ name: end === "}" ? "" : isData ? "*" : (state.directive ?? ""), end });
  const isCode = end === "{" && (state.directive?.endsWith("_by_lua_block") ?? false);
  return {
    ...state,
    mode: isCode ? "code" : "gap",
    codeDepth: isCode ? 1 : 0,
    words: 0,
    directive: undefined,
    previous: undefined,
    blocks: isCode ? state.blocks : blocksAfter(state, end),
  };
}

function blocksAfter({ blocks, directive }: NginxState, end: string): readonly string[] {
  if (end === "}") return blocks.slice(0, -1);
  if (end === ";" || blocks.length >= DEEPEST) return blocks;
  return [...blocks, directive ?? "?"];
}

function placeOf(state: NginxState): NginxPlace {
  const block = state.blocks.at(-1) ?? "";
  const isData = DATA_BLOCKS.includes(block);
  const isName = state.words === 0 && !isData;
  return {
    format: "nginx",
    kind: kindOf(state, isName),
    isStart: state.mode === "gap" || state.word === "",
    isFirst: state.mode === "gap" || (state.word === "" && !state.hasValue),
    isJoined: false,
    isRegex: isRegex(state, isData),
    afterDollar: state.after === "dollar",
    isFile: /^(include|load_module)$/.test(state.directive ?? ""),
    keyOf: state.words === 0 && isData ? block : undefined,
    directive: state.directive,
  };
}

function kindOf(state: NginxState, isName: boolean): NginxPlace["kind"] {
  if (state.mode === "comment" || state.mode === "code") return state.mode;
  if (state.after === "backslash") return "afterBackslash";
  if (isName) return "name";
  const isCode = /(_by_lua|^perl|^js_|^perl_set)$/.test(state.directive ?? "");
  if (isCode) return "code";
  return state.mode === "gap" ? "word" : state.mode;
}

/** A word is a pattern after `~`, as the first argument of `rewrite`, or when it begins with `~` itself. */
function isRegex({ directive, previous, words, word }: NginxState, isData: boolean): boolean {
  if (word.startsWith("~")) return true;
  if (isData && words > 0) return false;
  if (/^!?~\*?$/.test(previous ?? "")) return true;
  return directive === "rewrite" && words === 1;
}
