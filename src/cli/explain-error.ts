import type { AppError } from "../errors.ts";

/** A failure and all that was found with it: what, where and the next step of each. */
export function explainError(error: AppError): string {
  return [error, ...error.also]
    .map(({ message, hint }) => `${message}\n  ${hint}${hint.endsWith("?") ? "" : "."}\n`)
    .join("");
}
