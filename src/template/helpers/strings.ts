import { list, number, text } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

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
      run: (a) => text(a, "TEXT").toLowerCase(),
    },
    upper: {
      signature: "upper TEXT",
      meaning: "TEXT in capital letters",
      example: '{{upper "Web"}}',
      output: "WEB",
      aliases: ["toUpper"],
      run: (a) => text(a, "TEXT").toUpperCase(),
    },
    replace: {
      signature: "replace TEXT OLD NEW",
      meaning: "TEXT with each OLD replaced by NEW",
      example: '{{replace "a.b.c" "." "_"}}',
      output: "a_b_c",
      aliases: ["replaceAll"],
      run: (a, from, to) => text(a, "TEXT").replaceAll(text(from, "OLD"), () => text(to, "NEW")),
    },
    startsWith: {
      signature: "startsWith TEXT PREFIX",
      meaning: "Whether TEXT begins with PREFIX",
      example: '{{startsWith "/api/v1" "/api"}}',
      output: "true",
      aliases: ["hasPrefix"],
      run: (a, prefix) => text(a, "TEXT").startsWith(text(prefix, "PREFIX")),
    },
    endsWith: {
      signature: "endsWith TEXT SUFFIX",
      meaning: "Whether TEXT ends with SUFFIX",
      example: '{{endsWith "a.example.com" ".example.com"}}',
      output: "true",
      aliases: ["hasSuffix"],
      run: (a, suffix) => text(a, "TEXT").endsWith(text(suffix, "SUFFIX")),
    },
    identifier: {
      signature: "identifier TEXT",
      meaning: "TEXT with an underscore for all but letters, digits and underscores",
      example: '{{identifier "my.web-1"}}',
      output: "my_web_1",
      run: (a) => text(a, "TEXT").replace(/[^A-Za-z0-9_]/g, "_"),
    },
    longest: {
      signature: "longest LIST",
      meaning: "The length of the longest text in LIST",
      example: '{{longest (list "a" "bcd")}}',
      output: "3",
      run: (texts) =>
        list(texts, "LIST").reduce<number>(
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
