import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { NginxConfig } from "../../config/proxy-schema.ts";
import { runCommand } from "../command/command.ts";
import { readDirectives } from "./nginx-directives.ts";

/** The files of an nginx that Fairlead reads. Absolute paths. */
export interface NginxFacts {
  readonly pidFile: string;
  /** Absent when nginx does not log to a file. */
  readonly errorLog: string | undefined;
}

/** Finds the pid file and the error log from the main file, else from the binary's build options. */
export async function readNginxFacts(
  config: NginxConfig,
  { prefix, signal }: { readonly prefix: string | undefined; readonly signal: AbortSignal },
): Promise<NginxFacts> {
  const built = await buildOptions(config, signal);
  const text = await readFile(config.config, "utf8").catch(() => "");
  const top = readDirectives(text).filter(({ depth }) => depth === 0);
  const setting = (name: string): string | undefined => top.find((it) => it.name === name)?.args[0];
  const base = prefix ?? built.get("prefix") ?? "/";
  const at = (path: string): string => (isAbsolute(path) ? path : join(base, path));
  const errorLog = setting("error_log") ?? built.get("error-log-path") ?? "logs/error.log";
  return {
    pidFile:
      config.reload.pidFile ?? at(setting("pid") ?? built.get("pid-path") ?? "logs/nginx.pid"),
    errorLog: /^(stderr$|syslog:|memory:|\/dev\/std)/.test(errorLog) ? undefined : at(errorLog),
  };
}

/** `nginx -V` prints its configure arguments. */
async function buildOptions(
  config: NginxConfig,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { output } = await runCommand([config.binary, "-V"], { timeoutMs: 5_000, signal });
  return new Map(
    [...output.matchAll(/--([\w-]+)=(\S+)/g)].map(([, key = "", value = ""]) => [key, value]),
  );
}
