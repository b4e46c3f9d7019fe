import { parse as parseToml, stringify as toToml } from "smol-toml";
import { parse as parseYaml, stringify as toYaml } from "yaml";
import { messageOf } from "../../errors.ts";
import { ArgumentFault, mapArgument, textArgument } from "./arguments.ts";
import type { HelperGroup } from "./definition.ts";

/** JSON, YAML and TOML. */
export const PARSE_AND_EMIT: HelperGroup = {
  title: "JSON, YAML and TOML",
  helpers: {
    parseJSON: {
      signature: "parseJSON TEXT",
      meaning: "The value that TEXT is in JSON",
      example: '{{#with (parseJSON (key "app/info"))}}{{owner}}{{/with}}',
      output: "team-a",
      aliases: ["fromJson"],
      run: (a) => parsed(a, "JSON", (all) => JSON.parse(all) as unknown),
    },
    parseYAML: {
      signature: "parseYAML TEXT",
      meaning: "The value that TEXT is in YAML",
      example: '{{#each (parseYAML "[a, b]")}}{{this}} {{/each}}',
      output: "a b ",
      run: (a) => parsed(a, "YAML", (all) => parseYaml(all, { maxAliasCount: 100 }) as unknown),
    },
    parseTOML: {
      signature: "parseTOML TEXT",
      meaning: "The value that TEXT is in TOML",
      example: '{{lookup (parseTOML "port = 80") "port"}}',
      output: "80",
      run: (a) => parsed(a, "TOML", parseToml),
    },
    json: {
      signature: "json VALUE",
      meaning: "VALUE as JSON in one line",
      example: '{{json (pluck (service "web") "port")}}',
      output: "[8080,8081]",
      aliases: ["toJSON", "toUnescapedJSON"],
      run: (a) => JSON.stringify(a),
    },
    toJSONPretty: {
      signature: "toJSONPretty VALUE",
      meaning: "VALUE as JSON over several lines, indented by two spaces",
      example: '{{toJSONPretty (dict "a" 1)}}',
      output: '{\n  "a": 1\n}',
      aliases: ["toUnescapedJSONPretty"],
      run: (a) => JSON.stringify(a, undefined, 2),
    },
    toYAML: {
      signature: "toYAML VALUE",
      meaning: "VALUE as YAML, without the line end after it",
      example: '{{toYAML (explode (tree "app/pool"))}}',
      output: 'max: "10"\nmin: "2"',
      run: (a) => toYaml(a, { aliasDuplicateObjects: false }).trimEnd(),
    },
    toTOML: {
      signature: "toTOML MAP",
      meaning: "MAP as TOML, without the line end after it",
      example: '{{toTOML (explode (tree "app/pool"))}}',
      output: 'max = "10"\nmin = "2"',
      run: (a) => toToml(mapArgument(a, "MAP")).trimEnd(),
    },
  },
};

function parsed(value: unknown, language: string, parse: (all: string) => unknown): unknown {
  const all = textArgument(value, "TEXT");
  try {
    return parse(all);
  } catch (error) {
    throw new ArgumentFault(`TEXT must be ${language}: ${messageOf(error).split("\n")[0]}`, all);
  }
}
