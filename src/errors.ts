/** What kind of expected failure an {@link AppError} is. Scripts and tests match on it. */
export type ErrorCode =
  | "USAGE"
  | "CONFIG"
  | "CATALOG"
  | "CONSUL"
  /** Consul itself answers, and refuses this one request. */
  | "CONSUL_REFUSED"
  /** Consul answers, and the ACL token does not see what was asked for. */
  | "CONSUL_UNSEEN"
  | "TEMPLATE"
  | "ADMIN"
  | "CONTROL"
  | "CHECK_UNAVAILABLE"
  | "SWAP"
  | "UNDO"
  | "PROXY_DOWN"
  | "RELOAD_FAILED"
  | "NOT_PROVED";

/** An expected failure. Anything else that is thrown is a bug in this program. */
export class AppError extends Error {
  override readonly name: string = "AppError";
  readonly code: ErrorCode;
  /** What the operator can do next, in one imperative sentence. */
  readonly hint: string;
  /** Further failures that were found together with this one, each with its own next step. */
  readonly also: readonly AppError[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint: string; cause?: unknown; also?: readonly AppError[] },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.also = options.also ?? [];
  }
}

/** Joins one or more failures into the first, which has the others in {@link AppError.also}. */
export function joinErrors(errors: readonly AppError[]): AppError {
  const [first, ...others] = errors.flatMap((error) => [error, ...error.also]);
  if (first === undefined) throw new Error("no error to join");
  const { code, message, hint, cause } = first;
  return new AppError(code, message, { hint, cause, also: others });
}

/** The message of anything that was thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A failure and each failure found with it as text for people: the message, then the next step. */
export function formatError(error: AppError): string {
  return [error, ...error.also]
    .map(({ message, hint }) => `${message}\n  ${hint}${hint.endsWith("?") ? "" : "."}\n`)
    .join("");
}
