import { count, listArgument, number, textArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";
import { formatText } from "./format-text.ts";

/** Text. */
export const STRINGS: HelperGroup = {
  title: "Text",
  helpers: {
    lower: {
      signature: "lower TEXT",
      meaning: "TEXT in small letters",
      example: '{{lower "Web"}}',
      output: "web",
      aliases: ["toLower"],
      run: (a) => textArgument(a, "TEXT").toLowerCase(),
    },
    upper: {
      signature: "upper TEXT",
      meaning: "TEXT in capital letters",
      example: '{{upper "Web"}}',
      output: "WEB",
      aliases: ["toUpper"],
      run: (a) => textArgument(a, "TEXT").toUpperCase(),
    },
    title: {
      signature: "title TEXT",
      meaning: "TEXT with a capital letter at the beginning of each word",
      example: '{{title "my web app"}}',
      output: "My Web App",
      aliases: ["toTitle"],
      run: (a) => textArgument(a, "TEXT").replace(/(^|\s)\p{Ll}/gu, (start) => start.toUpperCase()),
    },
    trim: {
      signature: "trim TEXT [CHARACTERS]",
      meaning: "TEXT without the white space, or the CHARACTERS, around it",
      example: '{{trim "/api/" "/"}}',
      output: "api",
      aliases: ["trimSpace", "trimAll"],
      run: (a, characters) => trimEnd(trimStart(textArgument(a, "TEXT"), characters), characters),
    },
    trimPrefix: {
      signature: "trimPrefix TEXT PREFIX",
      meaning: "TEXT without PREFIX, when it begins with that",
      example: '{{trimPrefix "route.path=/api" "route.path="}}',
      output: "/api",
      run: (a, prefix) => {
        const [all, start] = [textArgument(a, "TEXT"), textArgument(prefix, "PREFIX")];
        return all.startsWith(start) ? all.slice(start.length) : all;
      },
    },
    trimSuffix: {
      signature: "trimSuffix TEXT SUFFIX",
      meaning: "TEXT without SUFFIX, when it ends with that",
      example: '{{trimSuffix "web.service" ".service"}}',
      output: "web",
      run: (a, suffix) => {
        const [all, end] = [textArgument(a, "TEXT"), textArgument(suffix, "SUFFIX")];
        return all.endsWith(end) ? all.slice(0, all.length - end.length) : all;
      },
    },
    replace: {
      signature: "replace TEXT OLD NEW",
      meaning: "TEXT with each OLD replaced by NEW",
      example: '{{replace "a.b.c" "." "_"}}',
      output: "a_b_c",
      aliases: ["replaceAll"],
      run: (a, from, to) => {
        const next = textArgument(to, "NEW");
        return textArgument(a, "TEXT").replaceAll(textArgument(from, "OLD"), () => next);
      },
    },
    startsWith: {
      signature: "startsWith TEXT PREFIX",
      meaning: "Whether TEXT begins with PREFIX",
      example: '{{startsWith "/api/v1" "/api"}}',
      output: "true",
      aliases: ["hasPrefix"],
      run: (a, prefix) => textArgument(a, "TEXT").startsWith(textArgument(prefix, "PREFIX")),
    },
    endsWith: {
      signature: "endsWith TEXT SUFFIX",
      meaning: "Whether TEXT ends with SUFFIX",
      example: '{{endsWith "a.example.com" ".example.com"}}',
      output: "true",
      aliases: ["hasSuffix"],
      run: (a, suffix) => textArgument(a, "TEXT").endsWith(textArgument(suffix, "SUFFIX")),
    },
    printf: {
      signature: "printf FORMAT VALUE …",
      meaning:
        "FORMAT with each verb replaced by the next VALUE: %s and %v text, %d a whole number, %f and %.2f a number, %x hexadecimal, %q in double quotes, %t true or false, %05d and %-8s padded, %% a percent sign",
      example: '{{printf "%s-%03d" "web" 7}}',
      output: "web-007",
      run: (format, ...values) => formatText(textArgument(format, "FORMAT"), values),
    },
    concat: {
      signature: "concat TEXT …",
      meaning: "The texts in one, with nothing between them",
      example: '{{concat "a" 1 "b"}}',
      output: "a1b",
      aliases: ["print"],
      run: (...args) => args.map((it) => textArgument(it, "each argument")).join(""),
    },
    repeat: {
      signature: "repeat TEXT TIMES",
      meaning: "TEXT as many times",
      example: '{{repeat "ab" 3}}',
      output: "ababab",
      run: (a, times) => {
        const all = textArgument(a, "TEXT");
        const most = Math.floor(LONGEST_REPETITION / Math.max(1, all.length));
        return all.repeat(count(times, "TIMES", most));
      },
    },
    truncate: {
      signature: "truncate TEXT LENGTH",
      meaning: "The first LENGTH characters of TEXT",
      example: '{{truncate "web-frontend" 3}}',
      output: "web",
      aliases: ["trunc"],
      run: (a, length) =>
        Array.from(textArgument(a, "TEXT")).slice(0, count(length, "LENGTH")).join(""),
    },
    padStart: {
      signature: "padStart TEXT LENGTH [WITH]",
      meaning: "TEXT with spaces, or WITH, before it, until it is LENGTH long",
      example: '{{padStart 7 3 "0"}}',
      output: "007",
      run: (a, length, fill) =>
        textArgument(a, "TEXT").padStart(
          count(length, "LENGTH"),
          textArgument(fill ?? " ", "WITH"),
        ),
    },
    indent: {
      signature: "indent TEXT SPACES",
      meaning: "TEXT with that many spaces before each of its lines",
      example: '{{indent "a\nb" 2}}',
      output: "  a\n  b",
      run: (a, spaces) =>
        textArgument(a, "TEXT").replace(/^(?=.)/gm, " ".repeat(count(spaces, "SPACES", 1_000))),
    },
    quote: {
      signature: "quote TEXT",
      meaning: "TEXT in double quotes, with a backslash before those in it",
      example: "{{quote 'say \"x\"'}}",
      output: '"say \\"x\\""',
      run: (a) => JSON.stringify(textArgument(a, "TEXT")),
    },
    identifier: {
      signature: "identifier TEXT",
      meaning: "TEXT with an underscore for all but letters, digits and underscores",
      example: '{{identifier "my.web-1"}}',
      output: "my_web_1",
      run: (a) => textArgument(a, "TEXT").replace(/[^A-Za-z0-9_]/g, "_"),
    },
    longest: {
      signature: "longest LIST",
      meaning: "The length of the longest text in LIST",
      example: '{{longest (list "a" "bcd")}}',
      output: "3",
      run: (texts) =>
        listArgument(texts, "LIST").reduce<number>(
          (most, it) => Math.max(most, typeof it === "string" ? it.length : 0),
          0,
        ),
    },
    seconds: {
      signature: "seconds MILLISECONDS",
      meaning: "A time as nginx and VCL write it",
      example: "{{seconds 1500}}",
      output: "1.5s",
      run: (ms) => `${number(ms, "MILLISECONDS") / 1_000}s`,
    },
  },
};

const LONGEST_REPETITION = 1_000_000;

function trimStart(all: string, characters: unknown): string {
  if (characters === undefined) return all.trimStart();
  const drop = textArgument(characters, "CHARACTERS");
  let from = 0;
  while (from < all.length && drop.includes(all.charAt(from))) from += 1;
  return all.slice(from);
}

function trimEnd(all: string, characters: unknown): string {
  if (characters === undefined) return all.trimEnd();
  const drop = textArgument(characters, "CHARACTERS");
  let to = all.length;
  while (to > 0 && drop.includes(all.charAt(to - 1))) to -= 1;
  return all.slice(0, to);
}
