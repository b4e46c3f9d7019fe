import { z } from "zod";
import { duration } from "../duration.ts";
import { fileFormat } from "../file-format.ts";
import { guardSchema } from "../guard-schema.ts";
import { command, path, text } from "../schema-parts.ts";

/** The keys of `reload` for a proxy that Fairlead can run as its child. */
export const supervision = {
  supervise: command
    .optional()
    .describe(
      "Command that Fairlead runs in the foreground and keeps running as its child, as a list of arguments.",
    ),
  stopTimeout: duration
    .prefault("3s")
    .describe("How long a supervised proxy may take to end gracefully; then it is ended by force."),
};

const fileSchema = z
  .strictObject({
    template: path.describe("Template file, or builtin:NAME."),
    path: path.describe(
      "File to write. With `each` it is a template itself, such as vhosts.d/{{name}}.conf.",
    ),
    each: z
      .union(
        [
          z.enum(["services", "routes"]),
          z.strictObject({
            keys: text("a prefix of keys").describe("Once per key directly below this prefix."),
          }),
        ],
        { error: "services, routes or { keys: PREFIX }" },
      )
      .optional()
      .describe("Render the template once per item; outputs whose item is gone are removed."),
    format: fileFormat
      .optional()
      .describe("How values are escaped; the proxy's own format when absent."),
    mode: z
      .string({ error: 'an octal file mode in quotes such as "0644"' })
      .regex(/^0?[0-7]{3}$/, { error: 'an octal file mode in quotes such as "0644"' })
      .default("0644")
      .describe("Mode of the written file, octal."),
  })
  .describe("One file that a template is rendered to.");

const proofSchema = z
  .strictObject({
    timeout: duration
      .prefault("10s")
      .describe("How long the running proxy may take to serve a new generation."),
    url: z
      .url({ error: "a URL such as http://127.0.0.1/__fairlead/generation", protocol: /^http$/ })
      .optional()
      .describe(
        "nginx only: a URL that answers the generation's id. Set it when the master's processes cannot be seen.",
      ),
  })
  .describe("How a reload is proved.");

const settleSchema = z
  .strictObject({
    quiet: duration
      .prefault("100ms")
      .describe("A burst is applied once nothing changed for this long."),
    max: duration.prefault("2s").describe("A burst is applied after this long at the latest."),
    minInterval: duration.prefault("1s").describe("Least time between two applies."),
    maxDraining: z
      .int({ error: "a whole number" })
      .min(1)
      .default(32)
      .describe(
        "nginx only: while this many old workers still serve their last connections, changes wait until one ends, 10 s at most.",
      ),
  })
  .describe("How bursts of changes are joined. A lone change is applied at once.");

/** Taken beside the proxies' own directories. */
const STATE_NAMES = ["lock", "snapshot.json"];

/** The keys of every kind of proxy. */
export const proxyBase = {
  name: text("a name")
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
    .describe("The files that are rendered."),
  checkTimeout: duration
    .prefault("10m")
    .describe("How long a check may take. A large VCL compiles slowly."),
  proof: proofSchema.prefault({}),
  settle: settleSchema.prefault({}),
  guard: guardSchema.prefault({}),
};
