import type { Argument, Command, Option } from "commander";
import { EXIT_CODES } from "../../../src/cli/program/exit-codes.ts";
import { createProgram } from "../../../src/cli/program.ts";
import { code, GENERATED, plain, table } from "./markdown.ts";

const INTRODUCTION = `# Command line

${GENERATED}

\`fairlead COMMAND --help\` prints the same. Output for people goes to standard output. Logs go to standard error: as JSON lines, or as
readable lines on a terminal.

Related pages: the [config](config.md) with [the environment alone](config.md#the-environment-alone),
[catalog files](catalog-file.md) for \`--catalog\`, [test cases](../guides/testing-templates.md) of templates, and
[operating](../guides/operating.md).`;

/** The page of all commands, in Markdown. */
export function commandLinePage(): string {
  const { commands } = createProgram();
  const overview = table(
    ["command", "what it does"],
    commands.map((it) => [`[${code(it.name())}](#fairlead-${it.name()})`, description(it)]),
  );
  return `${[INTRODUCTION, overview, ...commands.map(section)].join("\n\n")}\n`;
}

function section(command: Command): string {
  const { registeredArguments, options } = command;
  const usage = ["fairlead", command.name(), command.usage()].join(" ");
  const rows = [...registeredArguments.map(argumentRow), ...options.map(optionRow)];
  const parts = [
    `## ${code(`fairlead ${command.name()}`)}`,
    `\`\`\`sh\n${usage}\n\`\`\``,
    description(command),
    ...(rows.length === 0 ? [] : [table(["argument or option", "default", "meaning"], rows)]),
    table(["exit code", "meaning"], exitCodes(command)),
  ];
  return parts.join("\n\n");
}

const argumentRow = (it: Argument): readonly string[] => [
  code(it.required ? `<${it.name()}>` : `[${it.name()}]`),
  defaultText(it.defaultValue),
  meaning(it.description, it.argChoices),
];

const optionRow = (it: Option): readonly string[] => [
  code(it.flags),
  defaultText(it.defaultValue),
  `${meaning(it.description, it.argChoices)}${it.envVar === undefined ? "" : ` Environment: ${code(it.envVar)}.`}`,
];

/** Of an option without a value, commander keeps `true` as the default of its negative form. */
const defaultText = (value: unknown): string => (typeof value === "string" ? code(value) : "–");

function meaning(text: string, choices: readonly string[] | undefined): string {
  const values = choices === undefined ? "" : ` One of ${choices.map(code).join(", ")}.`;
  return `${sentence(text)}${values}`;
}

const description = (command: Command): string => sentence(command.description());

const sentence = (text: string): string =>
  `${plain(text.charAt(0).toUpperCase() + text.slice(1))}.`;

function exitCodes(command: Command): readonly (readonly string[])[] {
  const codes = EXIT_CODES[command.name()];
  if (codes === undefined) throw new Error(`${command.name()} has no exit codes`);
  return Object.entries(codes).map(([code, meaning]) => [code, sentence(meaning)]);
}
