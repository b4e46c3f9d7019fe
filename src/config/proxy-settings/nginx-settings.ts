import { z } from "zod";
import { duration } from "../duration.ts";
import { type ReadVariable, section, words } from "../environment-section.ts";
import { command, nonEmpty, path } from "../schema-parts.ts";
import type { KindSettings } from "./kind-settings.ts";
import { proxyBase, supervision } from "./proxy-base.ts";

const dockerSchema = z
  .strictObject({
    container: nonEmpty("a container's name or id")
      .regex(/^[A-Za-z0-9][\w.-]*$/, { error: "a container's name or id" })
      .describe("The container whose first process is nginx's master."),
    signal: z.enum(["HUP"], { error: "HUP" }).default("HUP").describe("Signal that reloads nginx."),
    socket: nonEmpty("a socket's path, or a URL such as http://docker-signal:2375")
      .regex(/^(\/.+|http:\/\/[^/]+)$/, {
        error: "a socket's path, or a URL such as http://docker-signal:2375",
      })
      .default("/var/run/docker.sock")
      .describe(
        "Socket or URL of Docker's API, or of a proxy before it that allows only this request.",
      ),
  })
  .describe("Sends the signal through Docker's API, for an nginx in another container.");

const reloadSchema = z
  .strictObject({
    signal: z
      .enum(["HUP"], { error: "HUP" })
      .optional()
      .describe("Signal that is sent to nginx's master process."),
    pidFile: path
      .optional()
      .describe(
        "File that holds the process id of the master. That of nginx's `pid` directive when absent.",
      ),
    command: command
      .optional()
      .describe("Command that reloads nginx, as a list of arguments, without a shell."),
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
  .describe("How nginx is reloaded: by one of `signal`, `command`, `supervise` and `docker`.");

const nginxSchema = z
  .strictObject({
    ...proxyBase,
    kind: z.literal("nginx").describe("The kind of proxy."),
    binary: nonEmpty("a program")
      .default("nginx")
      .describe("The nginx program that checks candidates."),
    config: path
      .default("/etc/nginx/nginx.conf")
      .describe("nginx's main file. Candidates are checked in its context."),
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

/** nginx in the config. */
export const nginxSettings: KindSettings<typeof nginxSchema> = {
  schema: nginxSchema,
  defaultFormat: "nginx",
  resolvePaths(proxy, at) {
    const { pidFile } = proxy.reload;
    const reload = pidFile === undefined ? proxy.reload : { ...proxy.reload, pidFile: at(pidFile) };
    return { ...proxy, config: at(proxy.config), reload };
  },
  proxyFromEnvironment: (read) => ({
    name: "nginx",
    kind: "nginx",
    ...section("config", read("NGINX_CONFIG")),
    files: [
      {
        template: "builtin:nginx/service-proxy.conf",
        path: read("NGINX_FILE") ?? "/etc/nginx/conf.d/services.conf",
      },
    ],
    ...reloadFromEnvironment(read),
    ...section("proof", { url: read("NGINX_PROOF") }),
  }),
  valuesFromEnvironment: (read) =>
    section("nginx", {
      listen: read("LISTEN")?.split(","),
      proofFrom: read("PROOF_FROM")?.split(","),
    }),
};

function reloadFromEnvironment(read: ReadVariable): object {
  const supervise = words(read("NGINX_SUPERVISE"));
  if (supervise !== undefined) return { reload: { supervise } };
  const container = read("NGINX_CONTAINER");
  if (container !== undefined) {
    return { reload: { docker: { container, ...section("socket", read("DOCKER_SOCKET")) } } };
  }
  const pidFile = read("NGINX_PID_FILE");
  return section("reload", pidFile === undefined ? undefined : { signal: "HUP", pidFile });
}
