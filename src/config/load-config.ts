import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { AppError, messageOf } from "../errors.ts";
import { type ConfigDocument, type ConfigFinding, parseConfigDocument } from "./config-document.ts";
import { formatFindings, toFindings } from "./config-findings.ts";
import { type ConsulSetting, consulSettings } from "./consul-environment.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { configJsonSchema } from "./known-keys.ts";
import { kindSettings } from "./proxy-schema.ts";
import { type Config, type ConfigFile, configSchema } from "./schema.ts";
import { templateEnvironment } from "./template-environment.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A config with where it came from: what later stages get. */
export interface LoadedConfig {
  /** The file as the operator named it, or `environment`. */
  readonly file: string;
  readonly config: Config;
}

/**
 * Reads, fills in and validates a config file. Relative paths in it resolve against its directory.
 *
 * @param options.catalogFile a catalog to read instead of the config's own source, from `--catalog`
 * @throws {AppError} CONFIG, naming every fault with file:line:column
 */
export async function loadConfig(
  file: string,
  options: { readonly environment: Environment; readonly catalogFile?: string },
): Promise<LoadedConfig> {
  const text = await readConfigFile(file);
  return { file, config: parseConfig(text, { ...options, file }) };
}

/**
 * Validates a config's text. Pure but for resolving paths against the working directory.
 *
 * @throws {AppError} CONFIG, naming every fault with file:line:column
 */
export function parseConfig(
  text: string,
  options: {
    readonly file: string;
    readonly environment: Environment;
    readonly catalogFile?: string;
  },
): Config {
  const parsed = parseConfigDocument(text, options.environment);
  if ("findings" in parsed) throw invalid(options.file, parsed.findings);
  const { document } = parsed;
  const settings = consulSettings(options.environment);
  const result = configSchema.safeParse(withSettings(document, settings, options.catalogFile));
  if (!result.success) {
    const subject = { document, settings, schema: configJsonSchema(), whole: "the config" };
    throw invalid(options.file, toFindings(result.error.issues, subject));
  }
  const config = resolvePaths(result.data, dirname(resolve(options.file)));
  return deepFreeze({ ...config, environment: templateEnvironment(options.environment, config) });
}

async function readConfigFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new AppError("CONFIG", `Cannot read the config "${file}" as ${messageOf(cause)}`, {
      hint: "Name an existing file with -c, or put a fairlead.yaml here",
      cause,
    });
  }
}

function invalid(file: string, findings: readonly ConfigFinding[]): AppError {
  return new AppError("CONFIG", formatFindings(file, findings), {
    hint: 'Correct the config; "fairlead schema" prints all keys with their meaning',
  });
}

/** The file's data over the environment's settings for Consul, with `--catalog` over both. */
function withSettings(
  document: ConfigDocument,
  settings: readonly ConsulSetting[],
  catalogFile: string | undefined,
): unknown {
  if (!isRecord(document.data)) return document.data;
  const data: Record<string, unknown> = { ...document.data };
  if (catalogFile !== undefined) {
    data["consul"] = undefined;
    data["catalog"] = { file: resolve(catalogFile) };
  }
  if (data["catalog"] !== undefined) return data;
  const written = data["consul"] ?? {};
  if (isRecord(written)) data["consul"] = overlay(settings, written);
  return data;
}

function overlay(
  settings: readonly ConsulSetting[],
  written: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...written };
  for (const { path, value } of settings) {
    const [first = "", second] = path;
    if (second === undefined) {
      if (isUnset(result[first]) && !shadowed(first, written)) result[first] = value;
    } else if (isRecord(result[first] ?? {})) {
      result[first] = { [second]: value, ...(result[first] as object | undefined) };
    }
  }
  return result;
}

/** A token written in the file, in whichever form, is not mixed with one from the environment. */
const shadowed = (key: string, written: Readonly<Record<string, unknown>>): boolean =>
  (key === "token" && !isUnset(written["tokenFile"])) ||
  (key === "tokenFile" && !isUnset(written["token"]));

const isUnset = (value: unknown): boolean => value === undefined || value === "";

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function resolvePaths(config: ConfigFile, directory: string): ConfigFile {
  const at = (path: string): string => resolve(directory, path);
  return {
    ...config,
    ...(config.consul === undefined ? {} : { consul: resolveConsulPaths(config.consul, at) }),
    ...(config.catalog === undefined ? {} : { catalog: { file: at(config.catalog.file) } }),
    state: at(config.state),
    ...(config.partials === undefined ? {} : { partials: at(config.partials) }),
    proxies: config.proxies.map((proxy) => {
      const files = proxy.files.map((file) => ({
        ...file,
        template: file.template.startsWith("builtin:") ? file.template : at(file.template),
        path: at(file.path),
      }));
      return kindSettings(proxy).resolvePaths({ ...proxy, files }, at);
    }),
  };
}

function resolveConsulPaths(
  consul: NonNullable<Config["consul"]>,
  at: (path: string) => string,
): NonNullable<Config["consul"]> {
  const tls = { ...consul.tls };
  for (const key of ["caFile", "certFile", "keyFile"] as const) {
    const path = tls[key];
    if (path !== undefined) tls[key] = at(path);
  }
  const { tokenFile } = consul;
  return { ...consul, tls, ...(tokenFile === undefined ? {} : { tokenFile: at(tokenFile) }) };
}
