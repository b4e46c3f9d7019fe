import { AppError } from "../errors.ts";
import { type ReadVariable, section } from "./environment-section.ts";
import { KIND_NAMES, KIND_SETTINGS } from "./proxy-schema.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The config that the environment alone gives: the built-in templates for the proxies that FAIRLEAD_PROXY names.
 * A variable that is empty counts as not set.
 *
 * @returns what a config file would hold, not validated yet
 * @throws {AppError} CONFIG when FAIRLEAD_PROXY names none
 */
export function environmentConfig(environment: Environment): object {
  const read: ReadVariable = (name) => environment[`FAIRLEAD_${name}`] || undefined;
  const kinds = (read("PROXY") ?? "").split(",").filter((kind) => kind !== "");
  if (kinds.length === 0) throw noConfig();
  return {
    ...section("consul", { address: read("CONSUL") }),
    ...section("state", read("STATE")),
    ...section("admin", { listen: read("ADMIN"), token: read("TOKEN") }),
    proxies: kinds.map((kind) => proxyOf(kind, read)),
    values: Object.assign(
      {},
      ...KIND_NAMES.map((kind) => KIND_SETTINGS[kind].valuesFromEnvironment(read)),
    ),
  };
}

/** An unknown kind is passed on as it is: the schema refuses it. */
function proxyOf(name: string, read: ReadVariable): object {
  const kind = KIND_NAMES.find((it) => it === name);
  return kind === undefined ? { name, kind: name } : KIND_SETTINGS[kind].proxyFromEnvironment(read);
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
