import { Command } from "commander";
import type { CommandOptions } from "../commands/command-options.ts";
import { limitHeapGrowth } from "../daemon/heap-growth.ts";
import {
  catalogOption,
  colorOptions,
  configOption,
  jsonOption,
  logLevelOption,
  proxyOption,
} from "./options.ts";

/** The commands that read a config and its catalog. */
export const catalogCommands = (version: string): readonly Command[] => [
  runCommand(version),
  renderCommand(),
  checkCommand(),
  snapshotCommand(),
];

const runCommand = (version: string): Command =>
  new Command("run")
    .description("watch the catalog and keep every proxy up to date, until SIGTERM or SIGINT")
    .addOption(configOption())
    .addOption(catalogOption())
    .option("--once", "apply every proxy once, then exit")
    .addOption(logLevelOption("info"))
    .action(async (options: CommandOptions) => {
      const { runUnderInit } = await import("../daemon/run-under-init.ts");
      process.exitCode = await runUnderInit(async () => {
        limitHeapGrowth();
        const { run } = await import("../commands/run.ts");
        return await run(options, version);
      });
    });

function renderCommand(): Command {
  const [color, noColor] = colorOptions();
  return new Command("render")
    .description("print what would be written; touch nothing")
    .addOption(configOption())
    .addOption(catalogOption())
    .addOption(proxyOption())
    .option("--diff", "print a unified diff against the live files instead")
    .addOption(color)
    .addOption(noColor)
    .addOption(logLevelOption("warn"))
    .action(async (options: CommandOptions) => {
      const { render } = await import("../commands/render.ts");
      process.exitCode = await render(options);
    });
}

function checkCommand(): Command {
  const [color, noColor] = colorOptions();
  return new Command("check")
    .description("load everything, render, and run the proxies' own checks; touch nothing live")
    .addOption(configOption())
    .addOption(catalogOption())
    .addOption(proxyOption())
    .addOption(jsonOption())
    .addOption(color)
    .addOption(noColor)
    .addOption(logLevelOption("warn"))
    .action(async (options: CommandOptions) => {
      const { check } = await import("../commands/check.ts");
      process.exitCode = await check(options);
    });
}

const snapshotCommand = (): Command =>
  new Command("snapshot")
    .description("print what the templates query, with the answers, as a file for --catalog")
    .addOption(configOption())
    .addOption(catalogOption())
    .addOption(proxyOption())
    .addOption(logLevelOption("warn"))
    .action(async (options: CommandOptions) => {
      const { snapshot } = await import("../commands/snapshot.ts");
      process.exitCode = await snapshot(options);
    });
