import { spawn } from "node:child_process";
import { constants } from "node:os";
import { SIGNALS } from "./signals.ts";

/**
 * Does `work`. As process 1 of a container it starts tini instead, and below that a second Fairlead that does `work`.
 *
 * An orphaned process of a container becomes a child of process 1, and stays a zombie unless process 1 waits for it: a
 * worker whose nginx died, a compiler whose varnishd was ended. Node waits only for its own children. tini, from Debian's
 * package of that name, waits for all. Without tini, `work` is done here.
 *
 * @returns the exit code
 */
export async function runUnderInit(work: () => Promise<number>): Promise<number> {
  if (process.pid !== 1) return await work();
  const init = spawn(
    "tini",
    ["-s", "--", process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { stdio: "inherit" },
  );
  const started = await new Promise<boolean>((resolve) => {
    init.once("spawn", () => resolve(true));
    init.once("error", () => resolve(false));
  });
  if (!started) return await work();
  for (const name of SIGNALS) process.on(name, () => init.kill(name));
  return await new Promise((resolve) => {
    init.once("exit", (code, signal) =>
      resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]),
    );
  });
}
