import { z } from "zod";
import { duration } from "./duration.ts";
import { guardSchema } from "./guard-schema.ts";
import { command, hostPort, path, text } from "./schema-parts.ts";

const supervision = {
  supervise: command
    .optional()
    .describe(
      "Command that Fairlead runs in the foreground and keeps running as its child, as a list of arguments.",
    ),
  stopTimeout: duration
    .prefault("3s")
    .describe("How long a supervised proxy may take to end gracefully; then it is ended by force."),
};

const dockerSchema = z
  .strictObject({
    container: text("a container's name or id")
      .regex(/^[A-Za-z0-9][\w.-]*$/, { error: "a container's name or id" })
      .describe("The container whose first process is nginx's master."),
    signal: z.enum(["HUP"], { error: "HUP" }).default("HUP").describe("Signal sent to it."),
    socket: text("a socket's path, or a URL such as http://docker-signal:2375")
      .regex(/^(\/.+|http:\/\/[^/]+)$/, {
        error: "a socket's path, or a URL such as http://docker-signal:2375",
      })
      .default("/var/run/docker.sock")
      .describe("Where Docker's API is, or what stands before it and lets only this through."),
  })
  .describe("Sends the signal through Docker's API, where nginx's processes cannot be seen.");

const reloadSchema = z
  .strictObject({
    signal: z
      .enum(["HUP"], { error: "HUP" })
      .optional()
      .describe("Signal sent to the proxy's master process."),
    pidFile: path
      .optional()
      .describe("File that holds the master's process id; nginx's own setting when absent."),
    command: command
      .optional()
      .describe("Command that reloads the proxy, as a list of arguments; no shell."),
    ...supervision,
    docker: dockerSchema.optional(),
    timeout: duration.prefault("30s").describe("How long a reload command may take."),
  })
  .superRefine((value, context) => {
    const ways = [value.signal, value.command, value.supervise, value.docker];
    if (ways.filter((way) => way !== undefined).length > 1) {
      context.addIssue("one of signal, command, supervise and docker, not several");
    }
    if (value.pidFile !== undefined && value.command === undefined && value.signal === undefined) {
      context.addIssue("signal: HUP beside pidFile");
    }
  })
  .describe("How the proxy is told to use new files.");

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
    format: z
      .enum(["nginx", "vcl", "text"], { error: "nginx, vcl or text" })
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
        "nginx only: a URL that answers the generation's id, asked when the master's processes cannot be seen.",
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
        "nginx only: from this many old workers that still serve their last connections on, applies wait until one ends, 10 s at most.",
      ),
  })
  .describe("How bursts of changes are joined. A lone change is applied at once.");

/** Taken beside the proxies' own directories. */
const STATE_NAMES = ["lock", "snapshot.json"];

const proxyBase = {
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
    .describe("What is rendered, and where to."),
  checkTimeout: duration
    .prefault("10m")
    .describe("How long a check may take. A large VCL compiles slowly."),
  proof: proofSchema.prefault({}),
  settle: settleSchema.prefault({}),
  guard: guardSchema.prefault({}),
};

const nginxSchema = z
  .strictObject({
    ...proxyBase,
    kind: z.literal("nginx"),
    binary: text("a program")
      .default("nginx")
      .describe("The nginx program that checks candidates."),
    config: path
      .default("/etc/nginx/nginx.conf")
      .describe("The main file: candidates are checked in its context."),
    reload: reloadSchema.prefault({ signal: "HUP" }),
  })
  .superRefine(({ reload, proof }, context) => {
    if (reload.docker === undefined || proof.url !== undefined) return;
    context.addIssue({
      code: "custom",
      path: ["proof", "url"],
      message:
        "a URL beside reload.docker, such as http://nginx:8080/__fairlead/generation: nginx's processes cannot be seen from here",
    });
  });

const varnishSchema = z.strictObject({
  ...proxyBase,
  kind: z.literal("varnish"),
  binary: text("a program")
    .default("varnishd")
    .describe("The varnishd program that checks candidates."),
  admin: z
    .strictObject({
      address: hostPort
        .default("127.0.0.1:6082")
        .describe("Address of the CLI socket (varnishd -T)."),
      secretFile: path.optional().describe("The CLI's secret (varnishd -S)."),
    })
    .prefault({})
    .describe("The CLI socket of the running varnishd."),
  groups: z
    .union([z.enum(["auto", "off"]), z.int().min(1).max(64)], {
      error: "auto, off or a number from 1 to 64",
    })
    .default("auto")
    .describe(
      "Into how many VCLs a template with parts is split, so that a change compiles one of them. `auto` splits into 32 from 100 routes on.",
    ),
  reload: z
    .strictObject(supervision)
    .prefault({})
    .describe("Varnish is reloaded over its CLI; here is only whether Fairlead runs it."),
});

/** Tells the two kinds apart by `kind`, which must be there. */
export const proxySchema = z
  .discriminatedUnion("kind", [nginxSchema, varnishSchema], { error: "nginx or varnish" })
  .describe("An nginx or a Varnish that is being configured.");

export type ProxyConfig = Readonly<z.infer<typeof proxySchema>>;
export type NginxConfig = Extract<ProxyConfig, { kind: "nginx" }>;
export type VarnishConfig = Extract<ProxyConfig, { kind: "varnish" }>;
export type FileConfig = ProxyConfig["files"][number];
