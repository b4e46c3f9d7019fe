import { ArgumentFault, isMap, mapArgument, textArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";
import { readPath } from "./read-path.ts";

/** Maps. */
export const MAPS: HelperGroup = {
  title: "Maps",
  helpers: {
    dict: {
      signature: "dict [KEY VALUE …] [name=VALUE …]",
      meaning: "A map of the keys and values, and of the named arguments",
      example: '{{json (dict "a" 1 b="x")}}',
      output: '{"a":1,"b":"x"}',
      answer: ({ named }, ...args) => {
        if (args.length % 2 !== 0) {
          throw new ArgumentFault(`KEY and VALUE must come in pairs, got ${args.length} arguments`);
        }
        const pairs = args.flatMap((key, i) =>
          i % 2 === 0 ? [[textArgument(key, "KEY"), args[i + 1]] as const] : [],
        );
        return Object.fromEntries([...pairs, ...Object.entries(named)]);
      },
    },
    get: {
      signature: "get MAP PATH [FALLBACK]",
      meaning:
        "The value in MAP, or a list, at PATH, such as meta.zone or 0.port; FALLBACK when there is none",
      example: '{{get (first (service "web")) "meta.zone"}} {{get (dict "a" 1) "b" "none"}}',
      output: "a none",
      aliases: ["index", "dig"],
      run: (a, path, fallback) => readPath(a, textArgument(path, "PATH")) ?? fallback,
    },
    hasKey: {
      signature: "hasKey MAP KEY",
      meaning: "Whether MAP has that key",
      example: '{{hasKey (dict "a" 1) "a"}}',
      output: "true",
      run: (a, key) => Object.hasOwn(mapArgument(a, "MAP"), textArgument(key, "KEY")),
    },
    keys: {
      signature: "keys MAP",
      meaning: "The keys of MAP, sorted",
      example: '{{join (keys (dict "b" 1 "a" 2)) ","}}',
      output: "a,b",
      run: (a) => Object.keys(mapArgument(a, "MAP")).toSorted(),
    },
    valuesOf: {
      signature: "valuesOf MAP",
      meaning: "The values of MAP, in the order of its sorted keys",
      example: '{{join (valuesOf (dict "b" 1 "a" 2)) ","}}',
      output: "2,1",
      run: (a) => {
        const all = mapArgument(a, "MAP");
        return Object.keys(all)
          .toSorted()
          .map((key) => all[key]);
      },
    },
    pick: {
      signature: "pick MAP KEY …",
      meaning: "MAP with those of the keys only",
      example: '{{json (pick (dict "a" 1 "b" 2) "a")}}',
      output: '{"a":1}',
      run: (a, ...wanted) => filtered(mapArgument(a, "MAP"), (key) => wanted.includes(key)),
    },
    omit: {
      signature: "omit MAP KEY …",
      meaning: "MAP without those keys",
      example: '{{json (omit (dict "a" 1 "b" 2) "a")}}',
      output: '{"b":2}',
      run: (a, ...unwanted) => filtered(mapArgument(a, "MAP"), (key) => !unwanted.includes(key)),
    },
    merge: {
      signature: "merge MAP MAP …",
      meaning:
        "The maps in one, also the maps within them; where several have a key the first counts",
      example: '{{json (merge (dict "a" 1) (dict "a" 2 "b" 3))}}',
      output: '{"a":1,"b":3}',
      aliases: ["mergeMap"],
      run: (...maps) => maps.map((it) => mapArgument(it, "each MAP")).reduceRight(overlaid, {}),
    },
    mergeOverwrite: {
      signature: "mergeOverwrite MAP MAP …",
      meaning:
        "The maps in one, also the maps within them; where several have a key the last counts",
      example: '{{json (mergeOverwrite (dict "a" 1) (dict "a" 2 "b" 3))}}',
      output: '{"a":2,"b":3}',
      aliases: ["mergeMapWithOverride"],
      run: (...maps) => maps.map((it) => mapArgument(it, "each MAP")).reduce(overlaid, {}),
    },
    splitToMap: {
      signature: "splitToMap TEXT SEPARATOR ASSIGN",
      meaning:
        "The pairs in TEXT as a map: SEPARATOR stands between pairs, ASSIGN between key and value",
      example: '{{json (splitToMap "a=1,b=2" "," "=")}}',
      output: '{"a":"1","b":"2"}',
      run: (a, separator, assign) => {
        const between = textArgument(assign, "ASSIGN");
        const pairs = textArgument(a, "TEXT")
          .split(textArgument(separator, "SEPARATOR"))
          .map((pair) => pair.split(between))
          .filter(([key]) => key !== undefined && key.trim() !== "");
        return Object.fromEntries(
          pairs.map(([key = "", ...rest]) => [key.trim(), rest.join(between).trim()]),
        );
      },
    },
  },
};

const filtered = (
  all: Readonly<Record<string, unknown>>,
  keeps: (key: string) => boolean,
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(all).filter(([key]) => keeps(key)));

function overlaid(
  below: Readonly<Record<string, unknown>>,
  above: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const result = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const known = result.get(key);
    result.set(key, isMap(known) && isMap(value) ? overlaid(known, value) : value);
  }
  return Object.fromEntries(result);
}
