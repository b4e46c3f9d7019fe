import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../log.ts";
import { sickBackends } from "./backend-health.ts";
import type { CliConnection } from "./cli-connection.ts";

const POLL_MS = 50;

/**
 * Waits until the probed backends of a VCL are healthy. A probed backend starts sick, and a VCL that is used at
 * once would answer 503. After `deadlineMs` the VCL is used as it is, with a warning.
 *
 * @param vcl.paths the files of the VCL
 */
export async function warmBackends(
  connection: CliConnection,
  vcl: { readonly name: string; readonly paths: readonly string[] },
  {
    log,
    signal,
    deadlineMs,
  }: { readonly log: Log; readonly signal: AbortSignal; readonly deadlineMs: number },
): Promise<void> {
  // Listing thousands of backends takes a while, and most VCLs have no probe.
  if (!(await mentionProbe(vcl.paths))) return;
  for (;;) {
    const sick = await sickBackends(connection, vcl.name);
    if (sick.length === 0) return;
    if (performance.now() > deadlineMs) {
      log.warn(
        {
          vcl: vcl.name,
          backends: sick.slice(0, 10),
          count: sick.length,
          hint: "See which URL the probe requests, and what these servers answer",
        },
        `${sick.length} probed backends are still sick; using the new VCL all the same`,
      );
      return;
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Whether some file has a probe, or may have one because it is unreadable or includes others. */
async function mentionProbe(paths: readonly string[]): Promise<boolean> {
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8").catch(() => "probe")));
  return texts.some((text) => /\bprobe\b|\binclude\b/.test(text));
}
