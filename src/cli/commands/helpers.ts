import { nearestName } from "../../config/nearest-name.ts";
import { AppError } from "../../errors.ts";
import { DEFINITIONS, HELPER_GROUPS } from "../../template/helpers/all-helpers.ts";

/**
 * Prints one helper with its example, or all helpers by group. Returns the exit code.
 *
 * @throws {AppError} USAGE when there is no helper of that name
 */
export function printHelpers(name: string | undefined): number {
  process.stdout.write(name === undefined ? allHelpers() : oneHelper(name));
  return 0;
}

function oneHelper(name: string): string {
  const definition = DEFINITIONS.get(name);
  if (definition === undefined) throw unknown(name);
  const { signature, meaning, example, output, aliases = [] } = definition;
  const also = aliases.length === 0 ? "" : `\nAlso as ${aliases.join(", ")}.\n`;
  return `${signature}\n\n  ${meaning}.\n${also}\nExample\n\n${indented(example)}\n\ngives\n\n${indented(output)}\n`;
}

function allHelpers(): string {
  const groups = HELPER_GROUPS.map(({ title, helpers }) => {
    const lines = Object.entries(helpers).map(
      ([name, { meaning }]) => `  ${name.padEnd(18)}${meaning}`,
    );
    return `${title}\n\n${lines.map(truncate).join("\n")}\n`;
  });
  return `${groups.join("\n")}\nfairlead helpers NAME shows one of them with an example.\n`;
}

const WIDTH = 110;

const truncate = (line: string): string =>
  line.length <= WIDTH ? line : `${line.slice(0, WIDTH - 1)}…`;

const indented = (text: string): string => text.replace(/^/gm, "  ");

function unknown(name: string): AppError {
  const nearest = nearestName(name, DEFINITIONS.keys());
  return new AppError("USAGE", `Cannot show "${name}" as there is no helper of that name`, {
    hint:
      nearest === undefined
        ? "List all of them with fairlead helpers"
        : `Try fairlead helpers ${nearest}`,
  });
}
