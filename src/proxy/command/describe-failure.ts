import { AppError } from "../../errors.ts";
import type { CommandResult } from "./command.ts";

/** The command's own words, or a sentence about how it ended when it printed nothing. */
export function describeFailure(argv: readonly string[], result: CommandResult): string {
  const command = argv.join(" ");
  if (result.timedOut) return `"${command}" was ended as it took too long. ${result.output}`.trim();
  if (result.notFound) return `"${argv[0]}" cannot be run: there is no such program`;
  if (result.output.trim() !== "") return result.output.trim();
  return `"${command}" ended with exit code ${result.exitCode ?? "none"} and printed nothing`;
}

/** The error for a reload command that failed. */
export function reloadCommandFailed(argv: readonly string[], result: CommandResult): AppError {
  return new AppError("RELOAD_FAILED", `Cannot reload: ${describeFailure(argv, result)}`, {
    hint: `Run "${argv.join(" ")}" by hand, as the user that Fairlead runs as`,
  });
}
