#!/usr/bin/env node
import module, { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import { AppError, explainError } from "../errors.ts";
import type { AdminClientOptions } from "./commands/admin-client.ts";
import type { CommandOptions } from "./commands/command-options.ts";
import type { TestOptions } from "./commands/test.ts";
import { keepHeapSteady } from "./daemon/heap-growth.ts";
import { starterKinds } from "./starter-kinds.ts";

/*
 * Parses arguments, and loads of the program only what the command needs: `fairlead --version` is quick.
 * Exit codes: 0 well, 1 a proxy was refused, failed or held, 2 config or usage error.
 */

keepCompiledCode();

const { version } = createRequire(import.meta.url)("../../package.json") as {
  readonly version: string;
};

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a whole number.");
}

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
const color = () => new Option("--color", "colour the output");
const noColor = () =>
  new Option("--no-color", "do not colour it (default: on a terminal, unless NO_COLOR is set)");
const proxy = () => new Option("--proxy <name>", "only this proxy");

program
  .command("run")
  .description("watch the catalog and keep every proxy up to date, until SIGTERM or SIGINT")
  .addOption(config())
  .addOption(catalog())
  .option("--once", "apply every proxy once, then exit")
  .addOption(logLevel())
  .action(async (options: CommandOptions) => {
    const { runUnderInit } = await import("./daemon/run-under-init.ts");
    process.exitCode = await runUnderInit(async () => {
      keepHeapSteady();
      const { run } = await import("./commands/run.ts");
      return await run(options, version);
    });
  });

program
  .command("render")
  .description("print what would be written; touches nothing")
  .addOption(config())
  .addOption(catalog())
  .addOption(proxy())
  .option("--diff", "print a unified diff against the live files instead")
  .addOption(color())
  .addOption(noColor())
  .addOption(logLevel().default("warn"))
  .action(async (options: CommandOptions) => {
    const { render } = await import("./commands/render.ts");
    process.exitCode = await render(options);
  });

program
  .command("check")
  .description("load everything, render, and run the proxies' own checks; touches nothing live")
  .addOption(config())
  .addOption(catalog())
  .addOption(proxy())
  .option("--json", "print the findings as JSON")
  .addOption(color())
  .addOption(noColor())
  .addOption(logLevel().default("warn"))
  .action(async (options: CommandOptions) => {
    const { check } = await import("./commands/check.ts");
    process.exitCode = await check(options);
  });

const admin = () =>
  new Option("--admin <address>", "the daemon's admin address (default: the config's)");
const json = () => new Option("--json", "print JSON");

program
  .command("status")
  .description("print how every proxy of the running daemon stands")
  .addOption(config())
  .addOption(admin())
  .addOption(json())
  .action(async (options: AdminClientOptions) => {
    const { status } = await import("./commands/status.ts");
    process.exitCode = await status(options);
  });

program
  .command("history")
  .description("print the last generations, or one of them with its diff")
  .argument("[proxy]", "only this proxy")
  .argument("[generation]", "only this generation", wholeNumber)
  .addOption(config())
  .addOption(admin())
  .addOption(json())
  .action(
    async (name: string | undefined, number: number | undefined, options: AdminClientOptions) => {
      const { history } = await import("./commands/history.ts");
      process.exitCode = await history(name, number, options);
    },
  );

const COMMANDS = [
  ["pause", "change nothing of this proxy until `resume`"],
  ["resume", "follow the catalog again"],
  ["accept", "let go live what the guard holds"],
] as const;

for (const [command, description] of COMMANDS) {
  program
    .command(command)
    .description(description)
    .argument("<proxy>", "the proxy's name")
    .addOption(config())
    .addOption(admin())
    .addOption(json())
    .action(async (name: string, options: AdminClientOptions) => {
      const { directProxy: commandProxy } = await import("./commands/direct-proxy.ts");
      process.exitCode = await commandProxy(command, name, options);
    });
}

program
  .command("rollback")
  .description("serve an earlier generation until `resume`")
  .argument("<proxy>", "the proxy's name")
  .argument("[generation]", "its number (default: the one before the live one)", wholeNumber)
  .addOption(config())
  .addOption(admin())
  .addOption(json())
  .action(async (name: string, number: number | undefined, options: AdminClientOptions) => {
    const { directProxy: commandProxy } = await import("./commands/direct-proxy.ts");
    const generation = number === undefined ? {} : { generation: number };
    process.exitCode = await commandProxy("rollback", name, { ...options, ...generation });
  });

program
  .command("snapshot")
  .description("print what the templates ask the catalog as a file that --catalog reads back")
  .addOption(config())
  .addOption(catalog())
  .addOption(proxy())
  .addOption(logLevel().default("warn"))
  .action(async (options: CommandOptions) => {
    const { snapshot } = await import("./commands/snapshot.ts");
    process.exitCode = await snapshot(options);
  });

program
  .command("test")
  .description("run the template test cases in *.test.yaml files below a directory")
  .argument("[dir]", "directory, or one such file", ".")
  .option("--filter <text>", "only cases whose file or name contains this")
  .option("--update", "write the files with expected outputs")
  .option("--junit <file>", "write a JUnit report as well")
  .addOption(color())
  .addOption(noColor())
  .addOption(logLevel().default("warn"))
  .action(async (directory: string, options: TestOptions) => {
    const { test } = await import("./commands/test.ts");
    process.exitCode = await test(directory, options);
  });

program
  .command("init")
  .description("write a config, a template and its test cases to start from")
  .addArgument(new Argument("<kind>", "what is configured").choices(starterKinds()))
  .argument("[dir]", "where to; created when it is not there", ".")
  .action(async (kind: ProxyConfig["kind"], directory: string) => {
    const { init } = await import("./commands/init.ts");
    process.exitCode = await init(kind, directory);
  });

program
  .command("helpers")
  .description("tell the helpers of templates, or one of them with an example")
  .argument("[name]", "a helper")
  .action(async (name: string | undefined) => {
    const { printHelpers } = await import("./commands/helpers.ts");
    process.exitCode = printHelpers(name);
  });

program
  .command("schema")
  .description("print the JSON Schema of the config file, or of files of test cases")
  .addArgument(new Argument("[of]", "which file").choices(["config", "test"]).default("config"))
  .action(async (of: string) => {
    const { schemaOf } = await import("./commands/schema.ts");
    process.stdout.write(`${JSON.stringify(await schemaOf(of), null, 2)}\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}

/**
 * Where Node can (from 22.1 on), compiled code is kept for the next start: beside the program, where nobody can
 * plant any who could not replace the program itself. A directory that cannot be written is no fault.
 */
function keepCompiledCode(): void {
  const { enableCompileCache } = module as { enableCompileCache?: (directory: string) => unknown };
  enableCompileCache?.(fileURLToPath(new URL("../compiled/", import.meta.url)));
}

/** Says on stderr what went wrong and what to do next. A bug keeps its stack. */
function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof AppError)) throw error;
  process.stderr.write(explainError(error));
  return 2;
}
