import { AppError } from "../../errors.ts";

/** Makes a controller that also aborts at SIGINT and SIGTERM, with an expected failure as the reason. */
export function abortOnInterrupt(): AbortController {
  const controller = new AbortController();
  const abort = () =>
    controller.abort(
      new AppError("USAGE", "Cannot finish as it was interrupted", { hint: "Run it again" }),
    );
  // Every time: a second signal must not end this program before it has ended the programs that it started.
  process.on("SIGINT", abort).on("SIGTERM", abort);
  return controller;
}
