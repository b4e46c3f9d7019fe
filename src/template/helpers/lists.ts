import { list, number, text } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Lists. */
export const LISTS: HelperGroup = {
  title: "Lists",
  helpers: {
    list: {
      signature: "list ITEM …",
      meaning: "A list of the items; of a single one that is a list already, that list",
      example: '{{join (list "a" "b") ","}}',
      output: "a,b",
      run: (...args) => {
        const [only] = args;
        if (args.length !== 1) return args;
        return Array.isArray(only) ? only : only === undefined || only === null ? [] : [only];
      },
    },
    length: {
      signature: "length VALUE",
      meaning: "How many characters a text, items a list or entries a map has",
      example: '{{length (service "web")}}',
      output: "2",
      aliases: ["len"],
      run: (a) =>
        typeof a === "string" || Array.isArray(a) ? a.length : Object.keys(Object(a)).length,
    },
    join: {
      signature: "join LIST SEPARATOR",
      meaning: "The texts of LIST in one, with SEPARATOR between them",
      example: '{{join (list "a" "b") "-"}}',
      output: "a-b",
      run: (items, separator) =>
        list(items, "LIST")
          .map((it) => text(it, "each item of LIST"))
          .join(text(separator, "SEPARATOR")),
    },
    split: {
      signature: "split TEXT SEPARATOR",
      meaning: "The parts of TEXT between separators, as a list",
      example: '{{#each (split "a,b" ",")}}[{{this}}]{{/each}}',
      output: "[a][b]",
      run: (a, separator) => text(a, "TEXT").split(text(separator, "SEPARATOR")),
    },
    contains: {
      signature: "contains LIST_OR_TEXT PART",
      meaning: "Whether PART is an item of the list, or a part of the text",
      example: '{{#each (service "web")}}{{contains tags "v2"}} {{/each}}',
      output: "false true ",
      aliases: ["in"],
      run: (all, part) =>
        Array.isArray(all)
          ? all.includes(part)
          : text(all, "LIST_OR_TEXT").includes(text(part, "PART")),
    },
    slice: {
      signature: "slice LIST_OR_TEXT FROM [TO]",
      meaning:
        "The part from position FROM, counted from 0, up to before TO; negative from the end",
      example: '{{slice "*.example.com" 2}}',
      output: "example.com",
      run(a, from, to) {
        const end = to === undefined ? undefined : number(to, "TO");
        if (Array.isArray(a)) return a.slice(number(from, "FROM"), end);
        return text(a, "LIST_OR_TEXT").slice(number(from, "FROM"), end);
      },
    },
    pluck: {
      signature: "pluck LIST FIELD",
      meaning: "That field of each item of LIST",
      example: '{{join (pluck (service "web") "port") ","}}',
      output: "8080,8081",
      run: (items, key) => {
        const field = text(key, "FIELD");
        return list(items, "LIST").map((it) => Object(it)[field] as unknown);
      },
    },
    first: {
      signature: "first LIST",
      meaning: "The first item of LIST; absent when LIST is empty",
      example: '{{first (list "a" "b")}}',
      output: "a",
      run: (items) => list(items, "LIST")[0],
    },
  },
};
