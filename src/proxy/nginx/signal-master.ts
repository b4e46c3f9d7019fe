import { AppError, messageOf } from "../../errors.ts";
import type { Master } from "./nginx-process.ts";

/** Sends SIGHUP to a master, which then reads its configuration. @throws {AppError} RELOAD_FAILED when it may not be signalled */
export function signalMaster(master: Master): void {
  try {
    process.kill(master.pid, "SIGHUP");
  } catch (cause) {
    throw new AppError(
      "RELOAD_FAILED",
      `Cannot signal nginx's master ${master.pid}: ${messageOf(cause)}`,
      {
        hint: "Run Fairlead as the user that nginx's master runs as, or with CAP_KILL",
        cause,
      },
    );
  }
}
