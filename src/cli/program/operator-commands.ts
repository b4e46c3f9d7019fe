import { Command } from "commander";
import type { AdminClientOptions } from "../commands/admin-client.ts";
import { adminOption, configOption, jsonOption, parseWholeNumber } from "./options.ts";

/** The commands that talk to the running daemon's admin address. */
export const operatorCommands = (): readonly Command[] => [
  statusCommand(),
  historyCommand(),
  commandOnProxy("pause", "change nothing of this proxy until resume"),
  commandOnProxy("resume", "follow the catalog again"),
  commandOnProxy("accept", "let the change go live that the guard holds"),
  rollbackCommand(),
];

const talking = (name: string): Command =>
  new Command(name).addOption(configOption()).addOption(adminOption()).addOption(jsonOption());

const statusCommand = (): Command =>
  talking("status")
    .description("print the state of every proxy of the running daemon")
    .action(async (options: AdminClientOptions) => {
      const { status } = await import("../commands/status.ts");
      process.exitCode = await status(options);
    });

const historyCommand = (): Command =>
  talking("history")
    .description("print the last generations, or one of them with its diff")
    .argument("[proxy]", "only this proxy")
    .argument("[generation]", "only this generation", parseWholeNumber)
    .action(
      async (
        proxy: string | undefined,
        number: number | undefined,
        options: AdminClientOptions,
      ) => {
        const { history } = await import("../commands/history.ts");
        process.exitCode = await history(proxy, number, options);
      },
    );

const commandOnProxy = (name: "pause" | "resume" | "accept", description: string): Command =>
  talking(name)
    .description(description)
    .argument("<proxy>", "the proxy's name")
    .action(async (proxy: string, options: AdminClientOptions) => {
      const { commandProxy } = await import("../commands/command-proxy.ts");
      process.exitCode = await commandProxy(name, proxy, options);
    });

const rollbackCommand = (): Command =>
  talking("rollback")
    .description("serve an earlier generation until resume")
    .argument("<proxy>", "the proxy's name")
    .argument("[generation]", "its number (default: the one before the live one)", parseWholeNumber)
    .action(async (proxy: string, number: number | undefined, options: AdminClientOptions) => {
      const { commandProxy } = await import("../commands/command-proxy.ts");
      const generation = number === undefined ? {} : { generation: number };
      process.exitCode = await commandProxy("rollback", proxy, { ...options, ...generation });
    });
