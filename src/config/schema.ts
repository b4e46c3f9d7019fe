import { z } from "zod";
import { adminSchema } from "./admin-schema.ts";
import { consulSchema } from "./consul-schema.ts";
import { proxySchema } from "./proxy-schema.ts";
import { path, wholeNumber } from "./schema-parts.ts";

/*
 * The config file's schema. Error texts say what was expected; where it stands in the file is added
 * by config-error.ts. `fairlead schema` prints this as JSON Schema.
 */

export const configSchema = z
  .strictObject({
    consul: consulSchema.optional(),
    catalog: z
      .strictObject({
        file: path.describe("YAML or JSON file of services, read instead of asking Consul."),
      })
      .optional()
      .describe("The embedded source."),
    state: path
      .default("/var/lib/fairlead")
      .describe("Directory of generations and what they replaced."),
    history: wholeNumber
      .refine((count) => count >= 2, { error: "at least 2 generations" })
      .default(20)
      .describe("How many generations of each proxy are kept, to be looked at and gone back to."),
    admin: adminSchema.optional(),
    proxies: z
      .array(proxySchema, { error: "a list of proxies" })
      .min(1, { error: "at least one proxy" })
      .describe("What is configured."),
    partials: path
      .optional()
      .describe("Directory of partials: {{> http/headers}} includes http/headers.hbs from there."),
    values: z
      .record(z.string(), z.unknown(), { error: "a mapping" })
      .default({})
      .describe("Free values: {{values.domain}} in templates."),
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

/** What the config file says. */
export type ConfigFile = Readonly<z.infer<typeof configSchema>>;

export type Config = ConfigFile & {
  /** The environment's variables that templates may read. */
  readonly environment: Readonly<Record<string, string>>;
};
