import type { Lexer, Statement } from "./lexer.ts";
import type { VclPlace } from "./vcl-place.ts";

interface VclState {
  readonly mode: "code" | "string" | "longString" | "triple" | "lineComment" | "blockComment" | "c";
  /** The last two characters, counted from the beginning of a string or comment. */
  readonly before: string;
  /** The word at hand, or the last complete token. */
  readonly token: string;
  /** Whether the word at hand may still grow. */
  readonly isOpen: boolean;
  /** The first word of the statement at hand; empty at its start. */
  readonly statement: string;
  /** Functions whose arguments are being read, innermost last: name and number of the argument. */
  readonly calls: readonly { readonly name: string; readonly argument: number }[];
  /** Within the braces of an acl. */
  readonly inAcl: boolean;
  /** Within a `"…"` nothing was read yet, or nothing came after such an empty one. */
  readonly isEmpty: boolean;
  /** A brace stands just before: it opens a block, or with a quote a long string. */
  readonly hasBrace: boolean;
}

const DEEPEST = 12;

/**
 * Cuts a VCL into tokens as Varnish's compiler does.
 *
 * Source: Varnish 7.1, lib/libvcc/vcc_token.c, vcc_Lexer().
 */
export const vclLexer: Lexer<VclState, VclPlace> = {
  start: {
    mode: "code",
    before: "",
    token: "",
    isOpen: false,
    statement: "",
    calls: [],
    inAcl: false,
    isEmpty: false,
    hasBrace: false,
  },
  text(state, text, onStatement) {
    let result = state;
    for (let i = 0; i < text.length; ) {
      const run = runAt(result, text, i);
      const { before } = result;
      const read =
        run === "" ? next(result, text[i] ?? "", onStatement) : skip(result, run, onStatement);
      // What opens a string or a comment is no part of what closes it; what closes a comment opens nothing.
      const isBorder =
        read.mode !== result.mode && (read.mode !== "code" || /Comment$|^c$/.test(result.mode));
      result = { ...read, before: isBorder ? "" : (before + (run || text[i])).slice(-2) };
      i += run.length || 1;
    }
    return result;
  },
  place: (state) => placeOf(settle(state)),
  value(before) {
    const state = settle(before);
    if (placeOf(state).kind === "statement") return state;
    if (state.mode !== "code") return { ...state, before: "x", isEmpty: false };
    return { ...state, before: "x", isOpen: true, token: "", statement: state.statement || "*" };
  },
};

/** Characters that mean nothing but themselves in each mode. */
const PLAIN: Readonly<Record<VclState["mode"], RegExp>> = {
  code: /[A-Za-z0-9_.-]+|[ \t\n\v\f\r]+/y,
  string: /[^"\n]+/y,
  longString: /[^"}]+/y,
  triple: /[^"]+/y,
  lineComment: /[^\n]+/y,
  blockComment: /[^*/]+/y,
  c: /[^}C]+/y,
};

/** Of the text from `i` on, what can be read at once. */
function runAt(state: VclState, text: string, i: number): string {
  const pattern = PLAIN[state.mode];
  pattern.lastIndex = i;
  return pattern.exec(text)?.[0] ?? "";
}

function skip(
  state: VclState,
  run: string,
  onStatement?: (statement: Statement) => void,
): VclState {
  if (state.mode === "string") return { ...state, isEmpty: false };
  if (state.mode !== "code") return state;
  const settled = settle(state, onStatement);
  return /^[ \t\n\v\f\r]/.test(run)
    ? { ...settled, isOpen: false, isEmpty: false }
    : growWord(settled, run);
}

function next(
  state: VclState,
  char: string,
  onStatement?: (statement: Statement) => void,
): VclState {
  const { mode, before } = state;
  switch (mode) {
    case "lineComment":
      return char === "\n" ? { ...state, mode: "code" } : state;
    case "blockComment":
      return before.endsWith("*") && char === "/" ? { ...state, mode: "code" } : state;
    case "c":
      return before.endsWith("}") && char === "C" ? { ...state, mode: "code" } : state;
    case "string":
      if (char === '"' || char === "\n") return endString(state, state.isEmpty && char === '"');
      return { ...state, isEmpty: false };
    case "longString":
      return before.endsWith('"') && char === "}" ? endString(state, false) : state;
    case "triple":
      return before === '""' && char === '"' ? endString(state, false) : state;
    case "code":
      return inCode(state, char, onStatement);
  }
}

const endString = (state: VclState, isEmpty: boolean): VclState => ({
  ...state,
  mode: "code",
  token: '"',
  statement: state.statement || "*",
  isOpen: false,
  isEmpty,
});

function inCode(
  state: VclState,
  char: string,
  onStatement?: (statement: Statement) => void,
): VclState {
  const last = state.before.at(-1) ?? "";
  if (char === '"') return startString({ ...state, isOpen: false });
  if (state.hasBrace) return inCode(settle(state, onStatement), char, onStatement);
  const closed = { ...state, isOpen: false };
  if (char === "#") return { ...closed, mode: "lineComment" };
  if (char === "/" && last === "/") return { ...closed, mode: "lineComment" };
  if (char === "*" && last === "/") return { ...closed, mode: "blockComment" };
  if (char === "{" && state.isOpen && state.token === "C") return { ...closed, mode: "c" };
  if (char === "{") return { ...closed, hasBrace: true };
  return punctuation(closed, char, onStatement);
}

function startString(state: VclState): VclState {
  if (state.hasBrace) return { ...state, mode: "longString", hasBrace: false };
  if (state.isEmpty && state.before.endsWith('"'))
    return { ...state, mode: "triple", isEmpty: false };
  return { ...state, mode: "string", isEmpty: true };
}

/** A brace that no quote followed opens a block. */
function settle(state: VclState, onStatement?: (statement: Statement) => void): VclState {
  return state.hasBrace ? punctuation({ ...state, hasBrace: false }, "{", onStatement) : state;
}

function growWord(state: VclState, char: string): VclState {
  const token = state.isOpen ? state.token + char : char;
  const isFirst = state.statement === "" || (state.isOpen && state.statement === state.token);
  return {
    ...state,
    token: token.slice(0, 64),
    isOpen: true,
    isEmpty: false,
    statement: isFirst ? token : state.statement,
  };
}

function punctuation(
  state: VclState,
  char: string,
  onStatement?: (statement: Statement) => void,
): VclState {
  const result = { ...state, token: char === "~" ? "~" : char, isEmpty: false };
  switch (char) {
    case "(":
      return {
        ...result,
        calls: [...state.calls, { name: state.token, argument: 0 }].slice(0, DEEPEST),
      };
    case ")":
      return { ...result, calls: state.calls.slice(0, -1) };
    case ",":
      return { ...result, calls: withNextArgument(state.calls) };
    case ";":
    case "{":
    case "}":
      onStatement?.({ name: char === "}" ? "" : state.statement, end: char });
      return {
        ...result,
        statement: "",
        calls: [],
        inAcl: char === "{" ? state.statement === "acl" : char === "}" ? false : state.inAcl,
      };
    case "/": // of a comment that comes before the statement
      return result;
    default:
      return { ...result, statement: state.statement || "*" };
  }
}

function withNextArgument(calls: VclState["calls"]): VclState["calls"] {
  const call = calls.at(-1);
  return call === undefined
    ? calls
    : [...calls.slice(0, -1), { ...call, argument: Math.min(call.argument + 1, 3) }];
}

function placeOf(state: VclState): VclPlace {
  return {
    format: "vcl",
    kind: kindOf(state),
    isStart: !state.isOpen,
    meaning: meaningOf(state),
    before: state.before.at(-1) ?? "",
  };
}

function kindOf({ mode, isOpen, statement }: VclState): VclPlace["kind"] {
  if (mode === "c") return "code";
  if (mode === "triple") return "longString";
  if (mode !== "code") return mode;
  return statement === "" && !isOpen ? "statement" : "word";
}

function meaningOf({ statement, token, calls, inAcl }: VclState): VclPlace["meaning"] {
  if (inAcl) return "acl";
  if (statement === "include" || statement === "import") return "file";
  const call = calls.at(-1);
  if (calls.some(({ name }) => name === "std.fileread")) return "fileName";
  if (call !== undefined && /(^|\.)\w+_re$/.test(call.name)) return "pattern"; // of vmod cookie
  if (call !== undefined && /^regsub(all)?$/.test(call.name)) {
    return call.argument === 1 ? "pattern" : call.argument === 2 ? "replacement" : "plain";
  }
  if (calls.some(({ name }) => /^(std\.)?ban$/.test(name))) return "ban";
  return token === "~" ? "pattern" : "plain";
}
