import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../log.ts";
import { sickBackends } from "./backend-health.ts";
import type { CliConnection } from "./cli-connection.ts";

const POLL_MS = 50;

/**
 * Waits until the probed backends of a VCL are healthy: one with a probe starts sick, and a VCL that is used at
 * once would answer 503. From `deadlineMs` on they are used as they are, and this is said.
 *
 * @param vcl.paths the files that it was made of
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
  // Asking about thousands of backends takes a while; most VCLs have no probe at all.
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
          hint: "See what the probe asks for, and what these servers answer",
        },
        `${sick.length} probed backends are still sick; the new VCL is used all the same`,
      );
      return;
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** A file that cannot be read, or that includes others, may well have some. */
async function mentionProbe(paths: readonly string[]): Promise<boolean> {
  const texts = await Promise.all(paths.map((path) => readFile(path, "utf8").catch(() => "probe")));
  return texts.some((text) => /\bprobe\b|\binclude\b/.test(text));
}
