import type { ProxyDriver } from "../apply/proxy-driver.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import type { Log } from "../log.ts";
import type { Output } from "../template/render/render-files.ts";
import type { ServedOutputs } from "./serve-outputs/served-outputs.ts";

/** What every kind of proxy offers to the stages to the right. Its settings in the config are in `KIND_SETTINGS`. */
export interface ProxyKind<Config extends ProxyConfig> {
  /** The program's name as its own documentation writes it. */
  readonly title: string;
  /** Empty directories that a starter of this kind needs beside its files. */
  readonly starterDirectories: readonly string[];
  /** Makes the driver of one proxy. Nothing runs yet. */
  openDriver(proxy: Config, options: DriverOptions): Promise<ProxyDriver>;
  /** The proxy with a main file that reads `outputs`, for a check of outputs that no config includes. */
  withMainFile(proxy: Config, outputs: readonly Output[], context: OutputContext): Promise<Config>;
  /**
   * Starts the real program with outputs, on free loopback ports.
   *
   * @throws {AppError} CHECK_UNAVAILABLE when it does not start, with its own words
   */
  serve(outputs: readonly Output[], options: ServeOptions<Config>): Promise<ServedOutputs>;
}

export interface DriverOptions {
  readonly log: Log;
  /** The config's state directory. */
  readonly state: string;
}

/** Where outputs belong in a main file that is written around them. */
export interface OutputContext {
  /** Exists already, and is for this alone. */
  readonly directory: string;
  readonly context: "http" | "server" | "stream" | "main";
  /** Absolute paths of further files, which are read before the outputs. */
  readonly includes: readonly string[];
}

export interface ServeOptions<Config> extends OutputContext {
  readonly proxy: Config;
  readonly log: Log;
  readonly signal: AbortSignal;
}
