import { z } from "zod";
import { adminSchema } from "./admin-schema.ts";
import { consulSchema } from "./consul-schema.ts";
import { proxySchema } from "./proxy-schema.ts";
import { routesSchema } from "./routes-schema.ts";
import { path, wholeNumber } from "./schema-parts.ts";

/*
 * The config file's schema. An error text names what was expected; config-findings.ts adds the place in the file.
 * `fairlead schema` prints this as JSON Schema, and the reference page of the config is generated from it.
 */

export const configSchema = z
  .strictObject({
    consul: consulSchema.optional(),
    catalog: z
      .strictObject({
        file: path.describe(
          "YAML or JSON file of services and keys that is read instead of Consul.",
        ),
      })
      .optional()
      .describe("A catalog that takes the place of Consul. Not beside `consul`."),
    state: path
      .default("/var/lib/fairlead")
      .describe(
        "Directory of the generations, of pauses and holds, and of the last known good catalog.",
      ),
    history: wholeNumber
      .refine((count) => count >= 2, { error: "at least 2 generations" })
      .default(20)
      .describe(
        "Number of generations that are kept for each proxy, for `history` and `rollback`.",
      ),
    admin: adminSchema.optional(),
    proxies: z
      .array(proxySchema, { error: "a list of proxies" })
      .min(1, { error: "at least one proxy" })
      .describe("The proxies that Fairlead configures."),
    routes: routesSchema.prefault({}),
    partials: path
      .optional()
      .describe(
        "Directory of partials: {{> http/headers}} includes http/headers.hbs from it. Only the built-in partials when absent.",
      ),
    values: z
      .record(z.string(), z.unknown(), { error: "a mapping" })
      .default({})
      .describe("Values of your own for templates, such as {{values.domain}}."),
  })
  .superRefine((config, context) => {
    if (config.catalog !== undefined && config.consul !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["catalog"],
        message: "either consul or catalog, not both",
      });
    }
    reportRepeated(
      config.proxies.map(({ name }, i) => [name, ["proxies", i, "name"]]),
      "a name of its own",
      context,
    );
    reportRepeated(
      config.proxies.flatMap(({ files }, i) =>
        files.map((file, j): Place => [file.path, ["proxies", i, "files", j, "path"]]),
      ),
      "a path of its own",
      context,
    );
  });

type Place = readonly [value: string, path: (string | number)[]];

function reportRepeated(
  places: readonly Place[],
  expected: string,
  context: z.core.$RefinementCtx,
): void {
  const seen = new Set<string>();
  for (const [value, path] of places) {
    if (seen.has(value))
      context.addIssue({ code: "custom", path, message: `${expected}: "${value}" is taken` });
    seen.add(value);
  }
}

/** The content of the config file. */
export type ConfigFile = Readonly<z.infer<typeof configSchema>>;

export type Config = ConfigFile & {
  /** The environment's variables that templates may read. */
  readonly environment: Readonly<Record<string, string>>;
};
