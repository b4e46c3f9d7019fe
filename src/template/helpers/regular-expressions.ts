import { RE2JS } from "re2js";
import { messageOf } from "../../errors.ts";
import { ArgumentFault, count, textArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Regular expressions, in RE2's syntax: its time grows with the text's length, whatever the pattern. */
export const REGULAR_EXPRESSIONS: HelperGroup = {
  title: "Regular expressions",
  helpers: {
    regexMatch: {
      signature: "regexMatch TEXT PATTERN",
      meaning: "Whether PATTERN matches somewhere in TEXT",
      example: '{{regexMatch "web-12" "^web-[0-9]+$"}}',
      output: "true",
      run: (a, pattern) => {
        const { all, by } = read(a, pattern);
        return by.test(all);
      },
    },
    regexReplaceAll: {
      signature: "regexReplaceAll TEXT PATTERN NEW",
      meaning:
        "TEXT with each match replaced by NEW, where $1, ${1} and ${name} are what the groups matched, and $$ is a dollar sign",
      example: '{{regexReplaceAll "web-12" "([a-z]+)-([0-9]+)" "$2-${1}"}}',
      output: "12-web",
      aliases: ["regexReplace"],
      run: (a, pattern, next) => replaceAll(read(a, pattern), textArgument(next, "NEW")),
    },
    regexFind: {
      signature: "regexFind TEXT PATTERN",
      meaning: "The first match in TEXT; empty text when there is none",
      example: '{{regexFind "web-12-3" "[0-9]+"}}',
      output: "12",
      run: (a, pattern) => matches(read(a, pattern), 1)[0] ?? "",
    },
    regexFindAll: {
      signature: "regexFindAll TEXT PATTERN [MOST]",
      meaning: "All matches in TEXT, or the first MOST of them, as a list",
      example: '{{join (regexFindAll "web-12-3" "[0-9]+") ","}}',
      output: "12,3",
      run: (a, pattern, most) =>
        matches(
          read(a, pattern),
          most === undefined ? Number.POSITIVE_INFINITY : count(most, "MOST"),
        ),
    },
    regexSplit: {
      signature: "regexSplit TEXT PATTERN",
      meaning: "The parts of TEXT between matches, as a list",
      example: '{{join (regexSplit "a, b;c" "[,;] *") "|"}}',
      output: "a|b|c",
      run: (a, pattern) => {
        const { all, by } = read(a, pattern);
        return by.split(all, -1);
      },
    },
    regexQuote: {
      signature: "regexQuote TEXT",
      meaning: "A pattern that matches TEXT itself",
      example: '{{regexQuote "a.b"}}',
      output: "a\\.b",
      aliases: ["regexQuoteMeta"],
      run: (a) => textArgument(a, "TEXT").replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
    },
  },
};

/** Templates use few patterns, many times. */
const compiled = new Map<string, RE2JS>();
const MOST_COMPILED = 500;
/** The work of a match grows with the text's length times the pattern's; this much takes about a second. */
const MOST_STEPS = 10_000_000;
const LONGEST_PATTERN = 1_000;

function compile(pattern: unknown): RE2JS {
  const source = textArgument(pattern, "PATTERN");
  const known = compiled.get(source);
  if (known !== undefined) return known;
  if (source.length > LONGEST_PATTERN) {
    throw new ArgumentFault(`PATTERN must not be longer than ${LONGEST_PATTERN} characters`);
  }
  const result = tryCompile(source);
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  compiled.set(source, result);
  return result;
}

function tryCompile(source: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    throw new ArgumentFault(`PATTERN must be a pattern in RE2's syntax: ${messageOf(error)}`);
  }
}

/** What a helper matches in what. */
function read(value: unknown, pattern: unknown): { readonly all: string; readonly by: RE2JS } {
  const [all, by] = [textArgument(value, "TEXT"), compile(pattern)];
  if (all.length * by.programSize() <= MOST_STEPS) return { all, by };
  throw new ArgumentFault(`TEXT must be shorter than ${all.length} characters for this PATTERN`);
}

function matches({ all, by }: ReturnType<typeof read>, most: number): readonly string[] {
  const found: string[] = [];
  const matcher = by.matcher(all);
  while (found.length < most && matcher.find()) found.push(matcher.group() ?? "");
  return found;
}

/** Groups are written as in Go: `$1`, `${1}`, `${name}`; one that is not there or did not match is empty. */
function replaceAll({ all, by }: ReturnType<typeof read>, next: string): string {
  const names = by.namedGroups();
  return by.matcher(all).replaceAll((...args: unknown[]) =>
    next.replace(
      /\$(?:(\$)|\{(\w+)\}|(\d+|[A-Za-z_]\w*))/g,
      (_, dollar: string | undefined, braced: string | undefined, bare: string) => {
        if (dollar !== undefined) return "$";
        const group = braced ?? bare;
        const index = /^\d+$/.test(group) ? Number(group) : names[group];
        const matched = index === undefined || index > by.groupCount() ? "" : args[index];
        return typeof matched === "string" ? matched : "";
      },
    ),
  );
}
