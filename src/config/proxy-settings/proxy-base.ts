import { z } from "zod";
import { duration } from "../duration.ts";
import { fileFormat } from "../file-format.ts";
import { guardSchema } from "../guard-schema.ts";
import { command, nonEmpty, path } from "../schema-parts.ts";

/** The keys of `reload` for a proxy that Fairlead can run as its child. */
export const supervision = {
  supervise: command
    .optional()
    .describe(
      "Command that runs the proxy in the foreground, as a list of arguments: Fairlead starts it as its child, and again when it ends.",
    ),
  stopTimeout: duration
    .prefault("3s")
    .describe("How long a supervised proxy may take to end gracefully. Then it is ended by force."),
};

const fileSchema = z
  .strictObject({
    template: path.describe("Template file, or builtin:NAME for a built-in template."),
    path: path.describe(
      "File to write. With `each` the path is a template itself, such as vhosts.d/{{name}}.conf.",
    ),
    each: z
      .union(
        [
          z.enum(["services", "routes"]),
          z.strictObject({
            keys: nonEmpty("a prefix of keys").describe(
              "Prefix in the key-value store: one item per key directly below it.",
            ),
          }),
        ],
        { error: "services, routes or { keys: PREFIX }" },
      )
      .optional()
      .describe(
        "Renders the template once per item: `services`, `routes` or { keys: PREFIX }. The file of an item that is gone is removed.",
      ),
    format: fileFormat
      .optional()
      .describe(
        "Format that decides how values are escaped. That of the proxy's kind when absent.",
      ),
    mode: z
      .string({ error: 'an octal file mode in quotes such as "0644"' })
      .regex(/^0?[0-7]{3}$/, { error: 'an octal file mode in quotes such as "0644"' })
      .default("0644")
      .describe("Mode of the written file, octal and in quotes."),
  })
  .describe("One file that a template is rendered to.");

const proofSchema = z
  .strictObject({
    timeout: duration
      .prefault("10s")
      .describe(
        "How long the running proxy may take to serve a new generation. Then the previous one is restored.",
      ),
    url: z
      .url({ error: "a URL such as http://127.0.0.1/__fairlead/generation", protocol: /^http$/ })
      .optional()
      .describe(
        "nginx only: URL that answers with the generation's id. It is the proof where Fairlead cannot see nginx's processes.",
      ),
  })
  .describe("How a reload is proved.");

const settleSchema = z
  .strictObject({
    quiet: duration
      .prefault("100ms")
      .describe("A burst of changes is applied once nothing changed for this long."),
    max: duration
      .prefault("2s")
      .describe("A burst of changes is applied after this long at the latest."),
    minInterval: duration.prefault("1s").describe("Least time between two applies."),
    maxDraining: z
      .int({ error: "a whole number" })
      .min(1)
      .default(32)
      .describe(
        "nginx only: with this many old workers that still serve their last connections, an apply waits until one of them ends, for 10 s at most.",
      ),
  })
  .describe("Joins bursts of changes. A single change is applied at once.");

/** Taken beside the proxies' own directories. */
const STATE_NAMES = ["lock", "snapshot.json"];

/** The keys of every kind of proxy. */
export const proxyBase = {
  name: nonEmpty("a name")
    .regex(/^[A-Za-z0-9][\w.-]*$/, {
      error: "a name of letters, digits, dots, dashes and underscores",
    })
    .refine((name) => !STATE_NAMES.includes(name), {
      error: "another name, as `state` has a file of this name",
    })
    .describe("The proxy's name in commands, logs and metrics."),
  files: z
    .array(fileSchema, { error: "a list of files" })
    .min(1, { error: "at least one file" })
    .describe("The files that templates are rendered to."),
  checkTimeout: duration
    .prefault("10m")
    .describe(
      "How long the proxy's own check of a candidate may take. A large VCL compiles slowly.",
    ),
  proof: proofSchema.prefault({}),
  settle: settleSchema.prefault({}),
  guard: guardSchema.prefault({}),
};
