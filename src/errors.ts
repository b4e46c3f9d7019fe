/** What kind of expected failure an {@link AppError} is. Scripts and tests match on it. */
export type ErrorCode =
  | "USAGE"
  | "CONFIG"
  | "CATALOG"
  | "CONSUL"
  | "TEMPLATE"
  | "CHECK_UNAVAILABLE"
  | "SWAP"
  | "PROXY_DOWN"
  | "RELOAD_FAILED"
  | "NOT_PROVED";

/** An expected failure. Anything else that is thrown is a bug in this program. */
export class AppError extends Error {
  override readonly name: string = "AppError";
  readonly code: ErrorCode;
  /** What the operator can do next, in one imperative sentence. */
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { hint: string; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The text of whatever was thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
