import { Argument, Command } from "commander";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { TestOptions } from "../commands/test.ts";
import { colorOptions, logLevelOption } from "./options.ts";
import { starterKinds } from "./starter-kinds.ts";

/** The commands for who writes a config, templates and their test cases. */
export const templateCommands = (): readonly Command[] => [
  testCommand(),
  initCommand(),
  helpersCommand(),
  schemaCommand(),
];

function testCommand(): Command {
  const [color, noColor] = colorOptions();
  return new Command("test")
    .description("run the template test cases in *.test.yaml files below a directory")
    .argument("[dir]", "directory, or one such file", ".")
    .option("--filter <text>", "only cases whose file or name contains this")
    .option("--update", "write the files with expected outputs")
    .option("--junit <file>", "write a JUnit report as well")
    .addOption(color)
    .addOption(noColor)
    .addOption(logLevelOption("warn"))
    .action(async (directory: string, options: TestOptions) => {
      const { test } = await import("../commands/test.ts");
      process.exitCode = await test(directory, options);
    });
}

const initCommand = (): Command =>
  new Command("init")
    .description("write a config, a template and its test cases to start from")
    .addArgument(new Argument("<kind>", "the proxy's kind").choices(starterKinds()))
    .argument("[dir]", "where to write them; created when it does not exist", ".")
    .action(async (kind: ProxyConfig["kind"], directory: string) => {
      const { init } = await import("../commands/init.ts");
      process.exitCode = await init(kind, directory);
    });

const helpersCommand = (): Command =>
  new Command("helpers")
    .description("list the helpers of templates, or show one of them with an example")
    .argument("[name]", "a helper")
    .action(async (name: string | undefined) => {
      const { printHelpers } = await import("../commands/helpers.ts");
      process.exitCode = printHelpers(name);
    });

const schemaCommand = (): Command =>
  new Command("schema")
    .description("print the JSON Schema of the config file, or of files of test cases")
    .addArgument(new Argument("[of]", "which file").choices(["config", "test"]).default("config"))
    .action(async (of: string) => {
      const { schemaOf } = await import("../commands/schema.ts");
      process.stdout.write(`${JSON.stringify(await schemaOf(of), null, 2)}\n`);
    });
