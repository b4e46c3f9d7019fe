import { isDeepStrictEqual } from "node:util";
import { number } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Comparison and logic. */
export const COMPARISON: HelperGroup = {
  title: "Comparison and logic",
  helpers: {
    deepEqual: {
      signature: "deepEqual A B",
      meaning: "Whether both are the same, lists and maps by what is in them",
      example: '{{deepEqual (list "a") (split "a" ",")}}',
      output: "true",
      run: (a, b) => isDeepStrictEqual(a, b),
    },
    eq: {
      signature: "eq A B",
      meaning: "Whether both are the same text, number or boolean",
      example: '{{#if (eq proxy.kind "nginx")}}yes{{else}}no{{/if}}',
      output: "yes",
      run: (a, b) => a === b,
    },
    ne: {
      signature: "ne A B",
      meaning: "Whether they are not the same",
      example: '{{#if (ne proxy.kind "nginx")}}yes{{else}}no{{/if}}',
      output: "no",
      run: (a, b) => a !== b,
    },
    gt: {
      signature: "gt A B",
      meaning: "Whether A is greater: numbers by size, two texts by their order",
      example: "{{gt 2 10}}",
      output: "false",
      run: (a, b) => compare(a, b) > 0,
    },
    gte: {
      signature: "gte A B",
      meaning: "Whether A is greater or equal",
      example: "{{gte 2 2}}",
      output: "true",
      aliases: ["ge"],
      run: (a, b) => compare(a, b) >= 0,
    },
    lt: {
      signature: "lt A B",
      meaning: "Whether A is less: numbers by size, two texts by their order",
      example: "{{lt 2 10}}",
      output: "true",
      run: (a, b) => compare(a, b) < 0,
    },
    lte: {
      signature: "lte A B",
      meaning: "Whether A is less or equal",
      example: '{{lte "b" "a"}}',
      output: "false",
      aliases: ["le"],
      run: (a, b) => compare(a, b) <= 0,
    },
    and: {
      signature: "and A B …",
      meaning: "The first of them that is empty, else the last",
      example: '{{#if (and true (eq 1 1) "x")}}yes{{/if}}',
      output: "yes",
      run: (...args) => {
        const empty = args.findIndex((it) => !isTruthy(it));
        return args.at(empty); // the last one when none is empty
      },
    },
    or: {
      signature: "or A B …",
      meaning: "The first of them that is not empty, else the last",
      example: '{{or "" 0 "x" "y"}}',
      output: "x",
      run: (...args) => args.find(isTruthy) ?? args.at(-1),
    },
    not: {
      signature: "not A",
      meaning: "Whether A is empty: false, 0, absent, empty text or an empty list",
      example: '{{not ""}}',
      output: "true",
      run: (a) => !isTruthy(a),
    },
    xor: {
      signature: "xor A B",
      meaning: "Whether one of them is empty and the other is not",
      example: "{{xor true false}}",
      output: "true",
      run: (a, b) => isTruthy(a) !== isTruthy(b),
    },
    ternary: {
      signature: "ternary TEST THEN ELSE",
      meaning: "THEN when TEST is not empty, else ELSE",
      example: '{{ternary (eq proxy.kind "nginx") "a" "b"}}',
      output: "a",
      run: (test, then, otherwise) => (isTruthy(test) ? then : otherwise),
    },
    coalesce: {
      signature: "coalesce A B …",
      meaning: "The first of them that is neither absent nor empty text; absent when there is none",
      example: '{{coalesce values.none "" "x"}}',
      output: "x",
      run: (...args) => args.find((it) => it !== undefined && it !== null && it !== ""),
    },
    default: {
      signature: "default VALUE FALLBACK",
      meaning: "VALUE, or FALLBACK when VALUE is absent or empty text or an empty list",
      example: "{{default values.port 8080}}",
      output: "8080",
      run: (value, fallback) =>
        isTruthy(value) || value === 0 || value === false ? value : fallback,
    },
  },
};

/** As Handlebars' own `if` sees it: an empty list is false. */
const isTruthy = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : Boolean(value);

/** Two texts by their order, all else as numbers. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  return number(a, "A") - number(b, "B");
}
