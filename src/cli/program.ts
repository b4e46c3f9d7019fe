import { createRequire } from "node:module";
import { Command } from "commander";
import { catalogCommands } from "./program/catalog-commands.ts";
import { EXIT_CODES } from "./program/exit-codes.ts";
import { operatorCommands } from "./program/operator-commands.ts";
import { templateCommands } from "./program/template-commands.ts";

/**
 * The command line: every command with its arguments and options. Each command loads its code only when it runs, so
 * that `fairlead --version` is quick.
 */
export function createProgram(): Command {
  const { version } = createRequire(import.meta.url)("../../package.json") as {
    readonly version: string;
  };
  const program = new Command("fairlead")
    .description("Keeps nginx and Varnish pointed at the healthy instances in Consul.")
    .version(version)
    .exitOverride()
    .showHelpAfterError()
    .configureHelp({ sortSubcommands: false });
  const commands = [...catalogCommands(version), ...operatorCommands(), ...templateCommands()];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program).addHelpText("after", exitText));
  }
  return program;
}

function exitText({ command }: { readonly command: Command }): string {
  const codes = EXIT_CODES[command.name()] ?? {};
  return `\nExit codes:\n${Object.entries(codes)
    .map(([code, meaning]) => `  ${code}  ${meaning}\n`)
    .join("")}`;
}
