import { isMap, mapArgument, textArgument, unexpectedArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** Values that a template keeps while it is rendered. Each output begins with none. */
export const SCRATCH: HelperGroup = {
  title: "Scratch: values that a template keeps",
  helpers: {
    scratchSet: {
      signature: "scratchSet KEY VALUE",
      meaning: "Keeps VALUE under KEY, and writes nothing",
      example: '{{scratchSet "port" 80}}{{scratchGet "port"}}',
      output: "80",
      writesNothing: true,
      answer: ({ context: { scratch } }, key, value) => {
        scratch.set(textArgument(key, "KEY"), value);
        return "";
      },
    },
    scratchSetX: {
      signature: "scratchSetX KEY VALUE",
      meaning: "Keeps VALUE under KEY unless there is something already, and writes nothing",
      example: '{{scratchSetX "port" 80}}{{scratchSetX "port" 81}}{{scratchGet "port"}}',
      output: "80",
      writesNothing: true,
      answer: ({ context: { scratch } }, key, value) => {
        const name = textArgument(key, "KEY");
        if (!scratch.has(name)) scratch.set(name, value);
        return "";
      },
    },
    scratchGet: {
      signature: "scratchGet KEY [FALLBACK]",
      meaning: "What is kept under KEY, or FALLBACK when there is nothing",
      example: '{{scratchGet "none" "-"}}',
      output: "-",
      answer: ({ context: { scratch } }, key, fallback) =>
        scratch.get(textArgument(key, "KEY")) ?? fallback,
    },
    scratchKey: {
      signature: "scratchKey KEY",
      meaning: "Whether something is kept under KEY",
      example: '{{scratchKey "none"}}',
      output: "false",
      answer: ({ context: { scratch } }, key) => scratch.has(textArgument(key, "KEY")),
    },
    scratchMapSet: {
      signature: "scratchMapSet KEY MAP_KEY VALUE",
      meaning: "Keeps VALUE in the map under KEY, and writes nothing",
      example:
        '{{#each (service "web")}}{{scratchMapSet "nodes" node port}}{{/each}}{{json (scratchGet "nodes")}}',
      output: '{"n1":8080,"n2":8081}',
      writesNothing: true,
      answer: ({ context: { scratch } }, key, mapKey, value) => {
        const name = textArgument(key, "KEY");
        scratch.set(name, withEntry(scratch.get(name), textArgument(mapKey, "MAP_KEY"), value));
        return "";
      },
    },
    scratchMapSetX: {
      signature: "scratchMapSetX KEY MAP_KEY VALUE",
      meaning: "Keeps VALUE in the map under KEY unless the map has MAP_KEY, and writes nothing",
      example: '{{scratchMapSetX "m" "a" 1}}{{scratchMapSetX "m" "a" 2}}{{json (scratchGet "m")}}',
      output: '{"a":1}',
      writesNothing: true,
      answer: ({ context: { scratch } }, key, mapKey, value) => {
        const [name, entry] = [textArgument(key, "KEY"), textArgument(mapKey, "MAP_KEY")];
        const known = scratch.get(name);
        if (!isMap(known) || !Object.hasOwn(known, entry)) {
          scratch.set(name, withEntry(known, entry, value));
        }
        return "";
      },
    },
    scratchMapValues: {
      signature: "scratchMapValues KEY",
      meaning: "The values of the map under KEY, in the order of its sorted keys",
      example:
        '{{scratchMapSet "m" "b" 1}}{{scratchMapSet "m" "a" 2}}{{join (scratchMapValues "m") ","}}',
      output: "2,1",
      answer: ({ context: { scratch } }, key) => {
        const all = mapArgument(
          scratch.get(textArgument(key, "KEY")) ?? {},
          "what is kept under KEY",
        );
        return Object.keys(all)
          .toSorted()
          .map((it) => all[it]);
      },
    },
  },
};

function withEntry(known: unknown, key: string, value: unknown): unknown {
  if (known !== undefined && !isMap(known))
    throw unexpectedArgument("the key of a map", known, "KEY");
  return Object.fromEntries([...Object.entries(known ?? {}), [key, value]]);
}
