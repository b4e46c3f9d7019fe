import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OpenSource } from "../../catalog/source.ts";
import { type CatalogStore, createCatalogStore } from "../../catalog/store.ts";
import { consulSchema } from "../../config/consul-schema.ts";
import { findConfig } from "../../config/find-config.ts";
import type { LoadedConfig } from "../../config/load-config.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import { secretsOf } from "../../config/secrets.ts";
import { AppError } from "../../errors.ts";
import { createLog, type Log, redactor } from "../../log.ts";
import { withMachine } from "../../source/machine/with-machine.ts";
import type { CommandOptions } from "../commands/command-options.ts";

/** What every command needs that reads a config. */
export interface Session {
  readonly loaded: LoadedConfig;
  readonly log: Log;
  /** Takes the config's secrets out of a text. */
  readonly redact: (text: string) => string;
  /** The config's proxies, or the one that `--proxy` names. */
  readonly proxies: readonly ProxyConfig[];
}

/**
 * Loads the config and makes the log.
 *
 * @throws {AppError} CONFIG, or USAGE when `--proxy` names none of the proxies
 */
export async function openSession(options: CommandOptions): Promise<Session> {
  const loaded = await loadNamedConfig(options);
  const secrets = [...secretsOf(loaded.config), ...tokenIn(loaded.config.consul?.tokenFile)];
  const redact = redactor(secrets);
  const log = await createLog({ level: options.logLevel, pretty: process.stderr.isTTY, redact });
  return { loaded, log, redact, proxies: selectProxies(loaded.config, options.proxy) };
}

/** @throws {AppError} CONFIG */
async function loadNamedConfig(options: CommandOptions): Promise<LoadedConfig> {
  return await findConfig(options.config, {
    environment: process.env,
    ...(options.catalog === undefined ? {} : { catalogFile: options.catalog }),
  });
}

interface StoreOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Whether answers are saved in `state`, as the fallback catalog of a start without Consul. */
  readonly keepsLastKnownGood?: boolean;
}

/**
 * Opens a store over the config's source, and over the machine's own files and addresses.
 *
 * @throws {AppError} CATALOG when the catalog file is not readable, CONSUL when a TLS file is not
 */
export async function openStore(
  { file, config }: LoadedConfig,
  { log, signal, keepsLastKnownGood = false }: StoreOptions,
): Promise<CatalogStore> {
  const source = await openSource(config, { log, directory: dirname(file), keepsLastKnownGood });
  return createCatalogStore(source, signal);
}

async function openSource(
  config: Config,
  {
    keepsLastKnownGood,
    ...machine
  }: { readonly log: Log; readonly directory: string; readonly keepsLastKnownGood: boolean },
): Promise<OpenSource> {
  const { log } = machine;
  if (config.catalog !== undefined) {
    const { file } = config.catalog;
    const { readCatalogFile } = await import("../../source/file/catalog-file.ts");
    const { answerFrom, fileSource } = await import("../../source/file/file-source.ts");
    const initial = await readCatalogFile(file);
    return withMachine(fileSource(file, { initial, log }), {
      ...machine,
      isRecorded: (query) => answerFrom(initial, query) !== undefined,
    });
  }
  const { consulSource } = await import("../../source/consul/consul-source.ts");
  const consul = config.consul ?? consulSchema.parse({});
  const source = consulSource(consul, { log });
  const maxAgeMs = consul.lastKnownGood.maxAge;
  if (!keepsLastKnownGood || maxAgeMs === 0) return withMachine(source, machine);
  const { lastKnownGoodSource } = await import(
    "../../source/last-known-good/last-known-good-source.ts"
  );
  const path = join(config.state, "snapshot.json");
  return withMachine(lastKnownGoodSource(source, { path, maxAgeMs, log }), machine);
}

function selectProxies(config: Config, name: string | undefined): readonly ProxyConfig[] {
  if (name === undefined) return config.proxies;
  const proxies = config.proxies.filter((it) => it.name === name);
  if (proxies.length > 0) return proxies;
  throw new AppError("USAGE", `Cannot use --proxy as the config has no proxy "${name}"`, {
    hint: `Name one of ${config.proxies.map((it) => it.name).join(", ")}`,
  });
}

/** The token in a file. The source itself reports a file that cannot be read. */
function tokenIn(file: string | undefined): readonly string[] {
  if (file === undefined) return [];
  try {
    return [readFileSync(file, "utf8").trim()].filter((token) => token !== "");
  } catch {
    return [];
  }
}
