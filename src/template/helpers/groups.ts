import { listArgument, mapArgument, textArgument, unexpectedArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";
import { nested } from "./nested.ts";
import { hasOwn, readPath } from "./read-path.ts";

/** Lists made into maps, whose keys are sorted. */
export const GROUPS: HelperGroup = {
  title: "Groups of a list",
  helpers: {
    byTag: {
      signature: "byTag LIST",
      meaning: "The instances or services of LIST by their tags: a map of lists",
      example:
        '{{#each (byTag (service "web"))}}{{@key}}: {{join (pluck this "id") ","}}; {{/each}}',
      output: "public: web-1,web-2; v1: web-1; v2: web-2; ",
      run: (items) => group(listArgument(items, "LIST"), (it) => texts(readPath(it, "tags"))),
    },
    byMeta: {
      signature: "byMeta LIST KEYS",
      meaning:
        'The instances of LIST by the values of meta keys, such as "zone" or "zone,shard|int": values are joined by an underscore, and |int writes a number with five digits',
      example: '{{#each (byMeta (service "web") "zone")}}{{@key}}: {{length this}}; {{/each}}',
      output: "a: 1; b: 1; ",
      run: (items, keys) => {
        const parts = textArgument(keys, "KEYS").split(",");
        return group(listArgument(items, "LIST"), (it) => [
          parts.map((key) => metaOf(it, key)).join("_"),
        ]);
      },
    },
    byPort: {
      signature: "byPort LIST",
      meaning: "The instances of LIST by their port: a map of lists",
      example: '{{#each (byPort (service "web"))}}{{@key}}: {{length this}}; {{/each}}',
      output: "8080: 1; 8081: 1; ",
      run: (items) => group(listArgument(items, "LIST"), (it) => [String(readPath(it, "port"))]),
    },
    byKey: {
      signature: "byKey LIST",
      meaning:
        "The entries of tree by the first part of their key: a map of maps, in which an entry is found by the rest of its key",
      example:
        '{{#each (byKey (tree "app"))}}{{@key}}: {{#each this}}{{key}}={{value}} {{/each}}{{/each}}',
      output: "pool: max=10 min=2 ",
      run: (items) => {
        const entries = listArgument(items, "LIST").filter((it) => keyOf(it).includes("/"));
        const groups = group(entries, (it) => [keyOf(it).split("/", 1).join("")]);
        return mapValues(groups, (all, prefix) =>
          Object.fromEntries(
            all.map((it) => {
              const key = keyOf(it).slice(prefix.length + 1);
              return [key, { ...(it as object), key }];
            }),
          ),
        );
      },
    },
    groupBy: {
      signature: "groupBy LIST FIELD",
      meaning:
        "The items of LIST by a field, such as node or meta.zone; by each of its values where the field is a list",
      example: '{{#each (groupBy (service "web") "node")}}{{@key}}: {{length this}}; {{/each}}',
      output: "n1: 1; n2: 1; ",
      run: (items, field) => {
        const path = textArgument(field, "FIELD");
        return group(listArgument(items, "LIST"), (it) => {
          const at = readPath(it, path);
          return Array.isArray(at)
            ? texts(at)
            : [at === undefined || at === null ? "" : textArgument(at, "FIELD")];
        });
      },
    },
    explode: {
      signature: "explode LIST",
      meaning: "The entries of tree or ls as maps within maps, by the parts of their keys",
      example: '{{#with (explode (tree "app"))}}{{title}} {{pool.max}}{{/with}}',
      output: "Hello 10",
      run: (items) =>
        nested(
          listArgument(items, "LIST").map((it) => [keyOf(it), readPath(it, "value")] as const),
        ),
    },
    explodeMap: {
      signature: "explodeMap MAP",
      meaning: "MAP as maps within maps, by the parts of its keys between slashes",
      example: '{{json (explodeMap (dict "a/b" 1 "a/c" 2))}}',
      output: '{"a":{"b":1,"c":2}}',
      run: (a) => nested(Object.entries(mapArgument(a, "MAP"))),
    },
  },
};

type Groups<T> = Readonly<Record<string, T>>;

function group(
  items: readonly unknown[],
  keysOf: (item: unknown) => readonly string[],
): Groups<readonly unknown[]> {
  const groups = new Map<string, unknown[]>();
  for (const item of items) {
    for (const key of keysOf(item)) {
      const known = groups.get(key);
      if (known === undefined) groups.set(key, [item]);
      else known.push(item);
    }
  }
  return Object.fromEntries([...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const mapValues = <T, R>(groups: Groups<T>, to: (value: T, key: string) => R): Groups<R> =>
  Object.fromEntries(Object.entries(groups).map(([key, value]) => [key, to(value, key)]));

function texts(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(String);
  throw unexpectedArgument("a list of items with tags", value, "LIST");
}

function keyOf(entry: unknown): string {
  if (hasOwn(entry, "key") && typeof entry["key"] === "string") return entry["key"];
  throw unexpectedArgument("a list of entries as tree gives it", entry, "LIST");
}

function metaOf(item: unknown, key: string): string {
  const [name = "", kind] = key.trim().split("|");
  const value = textArgument(readPath(readPath(item, "meta"), name) ?? "", "each meta value");
  return kind === "int" ? value.padStart(5, "0") : value;
}
