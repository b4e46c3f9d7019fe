import { InvalidArgumentError, Option } from "commander";

/* Options that several commands share. Each call makes a new one, as a command may change its default. */

export const configOption = (): Option =>
  new Option(
    "-c, --config <file>",
    "config file (default: ./fairlead.yaml, /etc/fairlead/fairlead.yaml, else the environment)",
  );

export const catalogOption = (): Option =>
  new Option("--catalog <file>", "read this catalog file instead of the config's own source");

export const proxyOption = (): Option => new Option("--proxy <name>", "only this proxy");

export const jsonOption = (): Option => new Option("--json", "print JSON");

export const adminOption = (): Option =>
  new Option(
    "--admin <host:port>",
    "the daemon's admin address (default: the config's); FAIRLEAD_TOKEN is its token",
  );

export const logLevelOption = (byDefault: "info" | "warn"): Option =>
  new Option("--log-level <level>", "log only lines of this level and above")
    .choices(["debug", "info", "warn", "error"])
    .default(byDefault)
    .env("FAIRLEAD_LOG_LEVEL");

export const colorOptions = (): readonly [Option, Option] => [
  new Option("--color", "colour the output"),
  new Option("--no-color", "do not colour it (default: on a terminal, unless NO_COLOR is set)"),
];

/** Reads an argument. @throws {InvalidArgumentError} when it is no whole number */
export function parseWholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number.");
}
