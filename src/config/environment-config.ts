import { AppError } from "../errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The config that the environment alone gives: the built-in templates for the proxies that FAIRLEAD_PROXY names.
 * A variable that is empty counts as not set.
 *
 * @returns what a config file would hold, not validated yet
 * @throws {AppError} CONFIG when FAIRLEAD_PROXY names none
 */
export function environmentConfig(environment: Environment): object {
  const read = (name: string): string | undefined => environment[`FAIRLEAD_${name}`] || undefined;
  const kinds = (read("PROXY") ?? "").split(",").filter((kind) => kind !== "");
  if (kinds.length === 0) throw noConfig();
  return {
    ...section("consul", { address: read("CONSUL") }),
    ...section("state", read("STATE")),
    ...section("admin", { listen: read("ADMIN"), token: read("TOKEN") }),
    proxies: kinds.map((kind) => (kind === "varnish" ? varnish(read) : nginx(kind, read))),
    values: section("nginx", {
      listen: read("LISTEN")?.split(","),
      proofFrom: read("PROOF_FROM")?.split(","),
    }),
  };
}

type Read = (name: string) => string | undefined;

/** `kind` is as it was given: one that is neither is refused where all configs are. */
function nginx(kind: string, read: Read): object {
  return {
    name: kind,
    kind,
    ...section("config", read("NGINX_CONFIG")),
    files: [
      {
        template: "builtin:nginx/service-proxy.conf",
        path: read("NGINX_FILE") ?? "/etc/nginx/conf.d/services.conf",
      },
    ],
    ...reloadOf(read),
    ...section("proof", { url: read("NGINX_PROOF") }),
  };
}

function reloadOf(read: Read): object {
  const supervise = words(read("NGINX_SUPERVISE"));
  if (supervise !== undefined) return { reload: { supervise } };
  const container = read("NGINX_CONTAINER");
  if (container !== undefined) {
    return { reload: { docker: { container, ...section("socket", read("DOCKER_SOCKET")) } } };
  }
  const pidFile = read("NGINX_PID_FILE");
  return section("reload", pidFile === undefined ? undefined : { signal: "HUP", pidFile });
}

function varnish(read: Read): object {
  return {
    name: "varnish",
    kind: "varnish",
    ...section("admin", {
      address: read("VARNISH_ADMIN"),
      secretFile: read("VARNISH_SECRET_FILE"),
    }),
    files: [
      {
        template: "builtin:varnish/service-proxy.vcl",
        path: read("VARNISH_FILE") ?? "/etc/varnish/services.vcl",
      },
    ],
    ...section("reload", { supervise: words(read("VARNISH_SUPERVISE")) }),
  };
}

const words = (text: string | undefined): readonly string[] | undefined =>
  text?.split(/\s+/).filter((word) => word !== "");

/** One key of the config, or none when nothing is set. */
function section(key: string, value: string | Readonly<Record<string, unknown>> | undefined) {
  const isSet =
    typeof value === "object"
      ? Object.values(value).some((it) => it !== undefined)
      : value !== undefined;
  return isSet ? { [key]: value } : {};
}

function noConfig(): AppError {
  return new AppError(
    "CONFIG",
    "Cannot start as there is no config: none was named with -c, found as fairlead.yaml here or in /etc/fairlead, or given by FAIRLEAD_PROXY",
    {
      hint: "Write a fairlead.yaml, or set FAIRLEAD_PROXY=nginx and FAIRLEAD_CONSUL=http://…:8500",
    },
  );
}
