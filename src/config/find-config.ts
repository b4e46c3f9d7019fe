import { access } from "node:fs/promises";
import { AppError } from "../errors.ts";
import { type LoadedConfig, loadConfig, parseConfig } from "./load-config.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where a config is looked for when none is named, in this order. */
const DEFAULT_FILES = ["fairlead.yaml", "/etc/fairlead/fairlead.yaml"];

/** What stands for the file's name in a config that was made from the environment. */
export const NO_FILE = "environment";

/**
 * Loads the named config; else the first of `./fairlead.yaml` and `/etc/fairlead/fairlead.yaml` that is
 * there; else one made from the environment alone, with the built-in templates.
 *
 * @throws {AppError} CONFIG
 */
export async function findConfig(
  file: string | undefined,
  options: { readonly environment: Environment; readonly catalogFile?: string },
): Promise<LoadedConfig> {
  if (file !== undefined) return await loadConfig(file, options);
  for (const candidate of DEFAULT_FILES) {
    if (await exists(candidate)) return await loadConfig(candidate, options);
  }
  const text = JSON.stringify(fromEnvironment(options.environment), null, 2);
  return { file: NO_FILE, config: parseConfig(text, { ...options, file: "/environment" }) };
}

function fromEnvironment(environment: Environment): object {
  const kinds = (environment["FAIRLEAD_PROXY"] ?? "").split(",").filter((kind) => kind !== "");
  if (kinds.length === 0) {
    throw new AppError(
      "CONFIG",
      "Cannot start as there is no config: none was named with -c, found as fairlead.yaml here or in /etc/fairlead, or given by FAIRLEAD_PROXY",
      {
        hint: "Write a fairlead.yaml, or set FAIRLEAD_PROXY=nginx and FAIRLEAD_CONSUL=http://…:8500",
      },
    );
  }
  const consul = environment["FAIRLEAD_CONSUL"];
  const state = environment["FAIRLEAD_STATE"];
  return {
    ...(consul === undefined ? {} : { consul: { address: consul } }),
    ...(state === undefined ? {} : { state }),
    proxies: kinds.map((kind) => ({ name: kind, kind, files: builtinFiles(kind, environment) })),
  };
}

function builtinFiles(kind: string, environment: Environment): object[] {
  const path = environment[`FAIRLEAD_${kind.toUpperCase()}_FILE`];
  return kind === "varnish"
    ? [{ template: "builtin:varnish/service-proxy.vcl", path: path ?? "/etc/varnish/services.vcl" }]
    : [
        {
          template: "builtin:nginx/service-proxy.conf",
          path: path ?? "/etc/nginx/conf.d/services.conf",
        },
      ];
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
