import { access } from "node:fs/promises";
import { environmentConfig } from "./environment-config.ts";
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
  const text = JSON.stringify(environmentConfig(options.environment), null, 2);
  return { file: NO_FILE, config: parseConfig(text, { ...options, file: "/environment" }) };
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
