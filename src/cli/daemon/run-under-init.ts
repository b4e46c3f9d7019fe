import { spawn } from "node:child_process";
import { constants } from "node:os";
import { SIGNALS } from "./signals.ts";

/**
 * Does `work`, and as process 1 of a container has it done by a second Fairlead below a small init.
 *
 * Whatever is orphaned in a container becomes a child of process 1, which has to wait for it or it stays a
 * zombie: a worker whose nginx died, a compiler whose varnishd was ended. Node waits only for what it started
 * itself. tini, from Debian's package of that name, waits for all of them. Without it `work` is done here.
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
