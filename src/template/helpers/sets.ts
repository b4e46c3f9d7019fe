import { listArgument, textArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";
import { holds, unique } from "./unique.ts";

/** What is in a list. */
export const SETS: HelperGroup = {
  title: "What is in a list",
  helpers: {
    contains: {
      signature: "contains LIST_OR_TEXT PART",
      meaning: "Whether PART is an item of the list, or a part of the text",
      example: '{{#each (service "web")}}{{contains tags "v2"}} {{/each}}',
      output: "false true ",
      aliases: ["in", "has"],
      run: (all, part) =>
        Array.isArray(all)
          ? all.includes(part)
          : textArgument(all, "LIST_OR_TEXT").includes(textArgument(part, "PART")),
    },
    containsAll: {
      signature: "containsAll LIST PARTS",
      meaning: "Whether all of the list PARTS are items of LIST",
      example: '{{containsAll (list "a" "b" "c") (list "a" "c")}}',
      output: "true",
      run: (items, parts) =>
        listArgument(parts, "PARTS").every((it) => listArgument(items, "LIST").includes(it)),
    },
    containsAny: {
      signature: "containsAny LIST PARTS",
      meaning: "Whether one of the list PARTS at least is an item of LIST",
      example: '{{containsAny (list "a" "b") (list "b" "x")}}',
      output: "true",
      run: (items, parts) =>
        listArgument(parts, "PARTS").some((it) => listArgument(items, "LIST").includes(it)),
    },
    containsNone: {
      signature: "containsNone LIST PARTS",
      meaning: "Whether none of the list PARTS is an item of LIST",
      example: '{{containsNone (list "a" "b") (list "x")}}',
      output: "true",
      run: (items, parts) =>
        !listArgument(parts, "PARTS").some((it) => listArgument(items, "LIST").includes(it)),
    },
    containsNotAll: {
      signature: "containsNotAll LIST PARTS",
      meaning: "Whether one of the list PARTS at least is no item of LIST",
      example: '{{containsNotAll (list "a" "b") (list "a" "x")}}',
      output: "true",
      run: (items, parts) =>
        !listArgument(parts, "PARTS").every((it) => listArgument(items, "LIST").includes(it)),
    },
    union: {
      signature: "union LIST LIST …",
      meaning: "What is in one of the lists at least, once each",
      example: '{{join (union (list "a" "b") (list "b" "c")) ","}}',
      output: "a,b,c",
      run: (...lists) => unique(lists.flatMap((it) => listArgument(it, "each LIST"))),
    },
    intersect: {
      signature: "intersect LIST OTHER",
      meaning: "What is in both lists, once each",
      example: '{{join (intersect (list "a" "b") (list "b" "c")) ","}}',
      output: "b",
      run: (items, other) => {
        const all = listArgument(other, "OTHER");
        return unique(listArgument(items, "LIST")).filter((it) => holds(all, it));
      },
    },
    without: {
      signature: "without LIST OTHER",
      meaning: "What is in LIST but not in the list OTHER",
      example: '{{join (without (list "a" "b" "c") (list "b")) ","}}',
      output: "a,c",
      aliases: ["difference"],
      run: (items, other) => {
        const all = listArgument(other, "OTHER");
        return listArgument(items, "LIST").filter((it) => !holds(all, it));
      },
    },
  },
};
