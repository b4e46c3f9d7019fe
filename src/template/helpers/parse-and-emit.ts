import type { HelperGroup } from "./definition.ts";

/** JSON, YAML and TOML. */
export const PARSE_AND_EMIT: HelperGroup = {
  title: "JSON, YAML and TOML",
  helpers: {
    json: {
      signature: "json VALUE",
      meaning: "VALUE as JSON in one line",
      example: '{{json (pluck (service "web") "port")}}',
      output: "[8080,8081]",
      aliases: ["toJSON"],
      run: (a) => JSON.stringify(a),
    },
  },
};
