import { ArgumentFault, count, listArgument, number, textArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";
import { readPath } from "./read-path.ts";
import { unique } from "./unique.ts";

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
        listArgument(items, "LIST")
          .map((it) => textArgument(it, "each item of LIST"))
          .join(textArgument(separator, "SEPARATOR")),
    },
    split: {
      signature: "split TEXT SEPARATOR",
      meaning: "The parts of TEXT between separators, as a list",
      example: '{{#each (split "a,b" ",")}}[{{this}}]{{/each}}',
      output: "[a][b]",
      aliases: ["splitList"],
      run: (a, separator) => textArgument(a, "TEXT").split(textArgument(separator, "SEPARATOR")),
    },
    first: {
      signature: "first LIST",
      meaning: "The first item of LIST; absent when LIST is empty",
      example: '{{first (list "a" "b")}}',
      output: "a",
      run: (items) => listArgument(items, "LIST")[0],
    },
    last: {
      signature: "last LIST",
      meaning: "The last item of LIST; absent when LIST is empty",
      example: '{{last (list "a" "b")}}',
      output: "b",
      run: (items) => listArgument(items, "LIST").at(-1),
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
        return textArgument(a, "LIST_OR_TEXT").slice(number(from, "FROM"), end);
      },
    },
    append: {
      signature: "append LIST ITEM …",
      meaning: "LIST with the items after it",
      example: '{{join (append (list "a") "b" "c") ","}}',
      output: "a,b,c",
      run: (items, ...more) => [...listArgument(items, "LIST"), ...more],
    },
    prepend: {
      signature: "prepend LIST ITEM …",
      meaning: "LIST with the items before it",
      example: '{{join (prepend (list "b") "a") ","}}',
      output: "a,b",
      run: (items, ...more) => [...more, ...listArgument(items, "LIST")],
    },
    reverse: {
      signature: "reverse LIST",
      meaning: "LIST from its end to its beginning",
      example: '{{join (reverse (list "a" "b")) ","}}',
      output: "b,a",
      run: (items) => listArgument(items, "LIST").toReversed(),
    },
    unique: {
      signature: "unique LIST",
      meaning: "LIST without what is in it already before",
      example: '{{join (unique (list "a" "b" "a")) ","}}',
      output: "a,b",
      aliases: ["uniq"],
      run: (items) => unique(listArgument(items, "LIST")),
    },
    compact: {
      signature: "compact LIST",
      meaning: "LIST without what is absent or empty text",
      example: '{{join (compact (list "a" "" "b")) ","}}',
      output: "a,b",
      run: (items) =>
        listArgument(items, "LIST").filter((it) => it !== "" && it !== undefined && it !== null),
    },
    sort: {
      signature: "sort LIST",
      meaning: "LIST in order: numbers by size, texts by their characters",
      example: '{{join (sort (list "b" "a" "c")) ","}}',
      output: "a,b,c",
      aliases: ["sortAlpha"],
      run: (items) => listArgument(items, "LIST").toSorted(compareValues),
    },
    sortBy: {
      signature: "sortBy LIST FIELD [ORDER]",
      meaning:
        'LIST in the order of a field of its items, such as port or meta.zone; with ORDER "desc" the greatest first',
      example: '{{#each (sortBy (service "web") "port" "desc")}}{{port}} {{/each}}',
      output: "8081 8080 ",
      run: (items, field, order) => {
        const path = textArgument(field, "FIELD");
        const sign = order === "desc" ? -1 : 1;
        return listArgument(items, "LIST").toSorted(
          (a, b) => sign * compareValues(readPath(a, path), readPath(b, path)),
        );
      },
    },
    where: {
      signature: "where LIST FIELD VALUE",
      meaning:
        "Those items of LIST whose field, such as meta.zone, is VALUE; where the field is a list, whose list contains VALUE",
      example: '{{#each (where (service "web") "meta.zone" "b")}}{{id}}{{/each}}',
      output: "web-2",
      run: (items, field, value) => {
        const path = textArgument(field, "FIELD");
        return listArgument(items, "LIST").filter((it) => {
          const at = readPath(it, path);
          return Array.isArray(at) ? at.includes(value) : at === value;
        });
      },
    },
    pluck: {
      signature: "pluck LIST FIELD",
      meaning: "That field, such as port or meta.zone, of each item of LIST",
      example: '{{join (pluck (service "web") "port") ","}}',
      output: "8080,8081",
      run: (items, field) => {
        const path = textArgument(field, "FIELD");
        return listArgument(items, "LIST").map((it) => readPath(it, path));
      },
    },
    flatten: {
      signature: "flatten LIST",
      meaning: "LIST with the items of the lists in it in their place",
      example: '{{join (unique (flatten (pluck (service "web") "tags"))) ","}}',
      output: "v1,public,v2",
      run: (items) => flatten(listArgument(items, "LIST"), []),
    },
    loop: {
      signature: "loop [FROM] TO",
      meaning: "The whole numbers from FROM, or 0, up to before TO, as a list",
      example: "{{#each (loop 5 8)}}{{this}} {{/each}}",
      output: "5 6 7 ",
      aliases: ["until"],
      run: (a, b) => {
        const [from, to] =
          b === undefined ? [0, number(a, "TO")] : [number(a, "FROM"), number(b, "TO")];
        const size = count(Math.max(0, Math.ceil(to - from)), "the count of numbers");
        return Array.from({ length: size }, (_, i) => from + i);
      },
    },
  },
};

/** What is absent comes first; texts come after numbers. */
function compareValues(a: unknown, b: unknown): number {
  const [kindOfA, kindOfB] = [kindOf(a), kindOf(b)];
  if (kindOfA !== kindOfB) return kindOfA - kindOfB;
  if (kindOfA === 0 || a === b) return 0;
  return (a as string) < (b as string) ? -1 : 1;
}

function kindOf(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "boolean" || typeof value === "number") return 1;
  if (typeof value === "string") return 2;
  throw new ArgumentFault("what is sorted by must be texts or numbers, not lists or maps");
}

/** Array.prototype.flat() takes ten times as long for thousands of short lists. */
function flatten(items: readonly unknown[], into: unknown[]): unknown[] {
  for (const item of items) {
    if (Array.isArray(item)) flatten(item, into);
    else into.push(item);
  }
  return into;
}
