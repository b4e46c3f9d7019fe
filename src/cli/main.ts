#!/usr/bin/env node
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { Command, CommanderError, Option } from "commander";
import { AppError } from "../errors.ts";
import type { CommandOptions } from "./command-options.ts";

/*
 * Parses arguments, and loads of the program only what the command needs: `fairlead --version` is quick.
 * Exit codes: 0 well, 1 a proxy was refused, failed or held, 2 config or usage error.
 */

const { version } = createRequire(import.meta.url)("../../package.json") as {
  readonly version: string;
};

const program = new Command("fairlead")
  .description("Keeps nginx and Varnish pointed at the healthy instances in Consul.")
  .version(version)
  .exitOverride()
  .showHelpAfterError()
  .configureHelp({ sortSubcommands: false });

const config = () =>
  new Option(
    "-c, --config <file>",
    "config file (default: ./fairlead.yaml, /etc/fairlead/fairlead.yaml, else the environment)",
  );
const catalog = () =>
  new Option("--catalog <file>", "read this catalog file instead of the config's own source");
const logLevel = () =>
  new Option("--log-level <level>", "least important lines to log")
    .choices(["debug", "info", "warn", "error"])
    .default("info")
    .env("FAIRLEAD_LOG_LEVEL");
const proxy = () => new Option("--proxy <name>", "only this proxy");

program
  .command("run")
  .description("watch the catalog and keep every proxy up to date, until SIGTERM or SIGINT")
  .addOption(config())
  .addOption(catalog())
  .option("--once", "apply every proxy once, then exit")
  .addOption(logLevel())
  .action(async (options: CommandOptions) => {
    const { runUnderInit } = await import("./run-under-init.ts");
    process.exitCode = await runUnderInit(async () => {
      keepHeapSmall();
      const { run } = await import("./run.ts");
      return await run(options);
    });
  });

program
  .command("render")
  .description("print what would be written; touches nothing")
  .addOption(config())
  .addOption(catalog())
  .addOption(proxy())
  .option("--diff", "print a unified diff against the live files instead")
  .addOption(logLevel().default("warn"))
  .action(async (options: CommandOptions) => {
    const { render } = await import("./render.ts");
    process.exitCode = await render(options);
  });

program
  .command("check")
  .description("load everything, render, and run the proxies' own checks; touches nothing live")
  .addOption(config())
  .addOption(catalog())
  .addOption(proxy())
  .addOption(logLevel().default("warn"))
  .action(async (options: CommandOptions) => {
    const { check } = await import("./check.ts");
    process.exitCode = await check(options);
  });

program
  .command("schema")
  .description("print the JSON Schema of the config file")
  .action(async () => {
    const { configJsonSchema } = await import("../config/known-keys.ts");
    process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/**
 * Keeps V8's space for young objects at its first size. Reading a catalog makes it grow to many times that,
 * and it hardly ever shrinks again: 110 MiB resident instead of 84 with 150 services × 5 (measured).
 */
function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** Says on stderr what went wrong and what to do next. A bug keeps its stack. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof AppError)) throw error;
  process.stderr.write(`${error.message}\n  ${error.hint}.\n`);
  return 2;
}
