import type { Statement } from "./lexer.ts";
import { DATA_BLOCKS } from "./nginx-lexer.ts";

/** A statement of a whole file. */
export interface PlacedStatement extends Statement {
  /** Where it ends in the text. */
  readonly index: number;
}

/**
 * The statements of a whole file: what the format's lexer tells of it, many times as fast, as a file has no
 * values that are still to come.
 */
export function statementsOf(text: string, format: "nginx" | "vcl"): readonly PlacedStatement[] {
  return format === "nginx" ? nginxStatements(text) : vclStatements(text);
}

/** Source: nginx, src/core/ngx_conf_file.c, ngx_conf_read_token(). */
const NGINX_TOKEN =
  /[ \t\r\n]+|#[^\n]*|([;{}])|"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)|'[^'\\]*(?:\\[\s\S][^'\\]*)*(?:'|\\?$)|(?:[^ \t\r\n;{\\$]|\\[\s\S]|\\$|\$\{?)+/y;

function nginxStatements(text: string): readonly PlacedStatement[] {
  const statements: PlacedStatement[] = [];
  const blocks: string[] = [];
  let name: string | undefined;
  for (let index = 0; index < text.length; ) {
    NGINX_TOKEN.lastIndex = index;
    const match = NGINX_TOKEN.exec(text);
    const [token = text.slice(index), end] = match ?? [];
    index += token.length;
    if (end === undefined) {
      if (name === undefined && /^[^ \t\r\n#]/.test(token)) name = wordOf(token);
      continue;
    }
    const isData = DATA_BLOCKS.includes(blocks.at(-1) ?? "");
    statements.push({
      name: end === "}" ? "" : isData ? "*" : (name ?? ""),
      end: end as Statement["end"],
      index,
    });
    if (end === "}") blocks.pop();
    else if (end === "{" && name?.endsWith("_by_lua_block") === true)
      index = endOfCode(text, index);
    else if (end === "{") blocks.push(name ?? "?");
    name = undefined;
  }
  return statements;
}

/** A word without its quotes; a very long one counts by its beginning. */
const wordOf = (token: string): string =>
  /^["']/.test(token) ? token.slice(1).replace(/["']$/, "") : token;

/** Behind the brace that closes a block of code in another language. */
function endOfCode(text: string, start: number): number {
  let depth = 1;
  for (const { 0: brace, index } of text.slice(start).matchAll(/[{}]/g)) {
    depth += brace === "{" ? 1 : -1;
    if (depth === 0) return start + index + 1;
  }
  return text.length;
}

/** Source: Varnish 7.1, lib/libvcc/vcc_token.c, vcc_Lexer(). */
const VCL_TOKEN =
  /([ \t\n\v\f\r]+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|([;{}])|(C(?=\{)|[\w.-]+)|[\s\S]/y;
const VCL_STRING = /"""[\s\S]*?(?:"""|$)|"[^"\n]*(?:["\n]|$)|\{"[\s\S]*?(?:"\}|$)/y;

function vclStatements(text: string): readonly PlacedStatement[] {
  const statements: PlacedStatement[] = [];
  let name = "";
  for (let index = 0; index < text.length; ) {
    VCL_STRING.lastIndex = index;
    const string = VCL_STRING.exec(text)?.[0];
    VCL_TOKEN.lastIndex = index;
    const [token = "", skipped, end, word] =
      string === undefined ? (VCL_TOKEN.exec(text) ?? []) : [string];
    index += token.length;
    if (word === "C" && text[index] === "{") index = endOfC(text, index);
    if (end !== undefined) {
      statements.push({ name: end === "}" ? "" : name, end: end as Statement["end"], index });
      name = "";
    } else if (skipped === undefined && name === "" && !"(),/".includes(token)) {
      name = word ?? "*";
    }
  }
  return statements;
}

/** Behind `}C`, which ends code in C. */
function endOfC(text: string, start: number): number {
  const end = text.indexOf("}C", start + 1);
  return end < 0 ? text.length : end + 2;
}
