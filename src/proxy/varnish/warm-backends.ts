import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../log.ts";
import { sickBackends } from "./backend-health.ts";
import type { CliConnection } from "./cli-connection.ts";

const POLL_MS = 50;
/** How long new backends may take for their first good probe, before they are used all the same. */
const WARM_MS = 5_000;

/**
 * Waits until the probed backends of VCLs are healthy: one with a probe starts sick, and a VCL that is used at
 * once would answer 503. After 5 s they are used as they are, and this is said.
 */
export async function warmBackends(
  connection: CliConnection,
  names: readonly string[],
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + WARM_MS;
  for (const name of names) {
    for (;;) {
      const sick = await sickBackends(connection, name);
      if (sick.length === 0) break;
      if (performance.now() > deadline) {
        log.warn(
          { vcl: name, backends: sick.slice(0, 10), count: sick.length },
          `${sick.length} probed backends are still sick after ${WARM_MS / 1_000} s; the new VCL is used all the same`,
        );
        break;
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  }
}
