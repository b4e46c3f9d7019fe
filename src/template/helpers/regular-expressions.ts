import { text } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Regular expressions. */
export const REGULAR_EXPRESSIONS: HelperGroup = {
  title: "Regular expressions",
  helpers: {
    regexQuote: {
      signature: "regexQuote TEXT",
      meaning: "A pattern that matches TEXT itself",
      example: '{{regexQuote "a.b"}}',
      output: "a\\.b",
      aliases: ["regexQuoteMeta"],
      run: (a) => text(a, "TEXT").replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
    },
  },
};
