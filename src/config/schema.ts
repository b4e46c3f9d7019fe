import { z } from "zod";
import { duration } from "./duration.ts";

/*
 * The config file's schema. Error texts say what was expected; where it stands in the file is added
 * by config-error.ts. `fairlead schema` prints this as JSON Schema.
 */

const text = (what: string) => z.string({ error: what }).min(1, { error: what });
const path = text("a file path");
/* A value that came from ${VAR} is text: these read it as what it stands for. */
const wholeNumber = z.union(
  [
    z.int(),
    z
      .string()
      .regex(/^\d{1,9}$/)
      .transform(Number),
  ],
  { error: "a whole number" },
);
const flag = z.union([z.boolean(), z.enum(["true", "false"]).transform((it) => it === "true")], {
  error: "true or false",
});
const command = z
  .array(z.string(), { error: "a list of arguments such as [nginx, -s, reload]" })
  .min(1, { error: "a list of at least one argument" });
const hostPort = text("host:port").regex(/^(\[[^\]]+\]|[^:[\]]+):\d{1,5}$/, { error: "host:port" });

const tlsSchema = z
  .strictObject({
    caFile: path
      .optional()
      .describe("PEM file of the authorities that signed Consul's certificate."),
    certFile: path.optional().describe("PEM file of the client certificate."),
    keyFile: path.optional().describe("PEM file of the client certificate's key."),
    verify: flag.default(true).describe("Whether to verify Consul's certificate."),
    serverName: text("a host name").optional().describe("Name expected in Consul's certificate."),
  })
  .describe("How to speak TLS with Consul.");

export const consulSchema = z
  .strictObject({
    address: text("a URL such as http://127.0.0.1:8500, or unix:///path")
      .regex(/^((https?:\/\/.+)|(unix:\/\/\/.+))$/, {
        error: "a URL such as http://127.0.0.1:8500, or unix:///path",
      })
      .default("http://127.0.0.1:8500")
      .describe("Base URL of the Consul HTTP API. Else CONSUL_HTTP_ADDR."),
    token: z
      .string({ error: "a token" })
      .optional()
      .describe("ACL token; empty is none. Else CONSUL_HTTP_TOKEN."),
    tokenFile: path
      .optional()
      .describe("File that holds the ACL token. Else CONSUL_HTTP_TOKEN_FILE."),
    auth: text("user:password")
      .optional()
      .describe("HTTP basic authentication, user:password. Else CONSUL_HTTP_AUTH."),
    datacenter: text("a datacenter's name")
      .optional()
      .describe("Datacenter of queries that name none; the agent's when absent."),
    namespace: text("a namespace")
      .optional()
      .describe("Namespace (Consul Enterprise). Else CONSUL_NAMESPACE."),
    partition: text("an admin partition")
      .optional()
      .describe("Admin partition (Consul Enterprise). Else CONSUL_PARTITION."),
    tls: tlsSchema.prefault({}),
    consistency: z
      .enum(["stale", "default", "consistent"], { error: "stale, default or consistent" })
      .default("stale")
      .describe("Consul's consistency mode of every read."),
    maxStale: duration
      .prefault("2s")
      .describe("An answer staler than this is read again from the leader."),
    wait: duration
      .refine((ms) => ms >= 1_000 && ms <= 600_000, { error: "a duration between 1s and 10m" })
      .prefault("60s")
      .describe("How long Consul may hold a blocking query open. Consul caps this at 10 minutes."),
    maxConnections: wholeNumber
      .refine((count) => count >= 2, { error: "at least 2 connections" })
      .default(64)
      .describe("Most sockets to Consul at once. Consul's own limit is 200 per client address."),
  })
  .describe("The Consul agent to ask.");

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
    supervise: command
      .optional()
      .describe("Command that Fairlead runs and keeps running as its child."),
    timeout: duration.prefault("30s").describe("How long a reload command may take."),
  })
  .superRefine((value, context) => {
    const ways = [value.signal, value.command, value.supervise].filter((way) => way !== undefined);
    if (ways.length > 1) context.addIssue("one of signal, command and supervise, not several");
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
      .enum(["services", "routes"], { error: "services or routes" })
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
  })
  .describe("How bursts of changes are joined. A lone change is applied at once.");

const guardSchema = z
  .strictObject({
    maxDrop: z
      .string({ error: "a percentage such as 50%" })
      .regex(/^(100|\d{1,2})%$/, { error: "a percentage such as 50%" })
      .default("50%")
      .describe("Share of instances that may vanish in one step."),
    hold: duration.prefault("10m").describe("How long a suspicious change is held back at most."),
  })
  .describe("When a change of the catalog is held back as suspicious.");

const proxyBase = {
  name: text("a name")
    .regex(/^[A-Za-z0-9][\w.-]*$/, {
      error: "a name of letters, digits, dots, dashes and underscores",
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

const nginxSchema = z.strictObject({
  ...proxyBase,
  kind: z.literal("nginx"),
  binary: text("a program").default("nginx").describe("The nginx program that checks candidates."),
  config: path
    .default("/etc/nginx/nginx.conf")
    .describe("The main file: candidates are checked in its context."),
  reload: reloadSchema.prefault({ signal: "HUP" }),
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
  reload: z
    .strictObject({
      supervise: command
        .optional()
        .describe("Command that Fairlead runs and keeps running as its child."),
    })
    .prefault({})
    .describe("Varnish is reloaded over its CLI; here is only whether Fairlead runs it."),
});

/** Tells the two kinds apart by `kind`, which must be there. */
const proxySchema = z
  .discriminatedUnion("kind", [nginxSchema, varnishSchema], { error: "nginx or varnish" })
  .describe("An nginx or a Varnish that is being configured.");

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
    admin: z
      .strictObject({
        listen: hostPort
          .default("127.0.0.1:9700")
          .describe("Address of health, metrics and status."),
        token: z.string({ error: "a token" }).optional().describe("Bearer token; empty is none."),
      })
      .optional()
      .describe("The address that operators and probes ask."),
    proxies: z
      .array(proxySchema, { error: "a list of proxies" })
      .min(1, { error: "at least one proxy" })
      .describe("What is configured."),
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

export type Config = Readonly<z.infer<typeof configSchema>>;
export type ConsulConfig = Readonly<z.infer<typeof consulSchema>>;
export type ProxyConfig = Config["proxies"][number];
export type NginxConfig = Extract<ProxyConfig, { kind: "nginx" }>;
export type VarnishConfig = Extract<ProxyConfig, { kind: "varnish" }>;
export type FileConfig = ProxyConfig["files"][number];
