import { AppError } from "../../errors.ts";
import { loadPartials, partialErrors } from "../../template/compile/load-partials.ts";
import { openSession, openStore, type Session } from "../daemon/open-session.ts";
import { findingsText } from "../text/findings-text.ts";
import { createTerminalStyle } from "../text/terminal-style.ts";
import { abortOnInterrupt } from "./abort-on-interrupt.ts";
import { type CheckParts, checkProxy, type ProxyFindings } from "./check-proxy.ts";
import type { CommandOptions } from "./command-options.ts";
import { type CheckFinding, errorFindings } from "./finding.ts";

/**
 * Renders every proxy, runs the proxy's own check on the outputs, and prints all findings. Touches nothing live.
 * Returns the exit code: 1 when there is an error among the findings.
 */
export async function check(options: CommandOptions): Promise<number> {
  const session = await openSession(options);
  const ending = abortOnInterrupt();
  try {
    const { proxies, partials } = await findAll(session, ending.signal);
    const ok = [...proxies.flatMap((it) => it.findings), ...partials].every(
      ({ level }) => level !== "error",
    );
    const text =
      options.json === true
        ? `${JSON.stringify({ ok, proxies, partials }, null, 2)}\n`
        : findingsText(proxies, partials, createTerminalStyle(options.color));
    process.stdout.write(text);
    return ok ? 0 : 1;
  } finally {
    ending.abort(new Error("done"));
  }
}

async function findAll(
  { loaded, log, proxies: wanted }: Session,
  signal: AbortSignal,
): Promise<{
  readonly proxies: readonly ProxyFindings[];
  readonly partials: readonly CheckFinding[];
}> {
  const { config } = loaded;
  const store = await openStore(loaded, { log, signal });
  const { texts, findings } = await readPartials(config.partials);
  const parts: CheckParts = { config, partials: texts, store, log, signal };
  const proxies = [];
  for (const proxy of wanted) proxies.push(await checkProxy(proxy, parts));
  // A template that includes a broken partial has the same finding.
  const known = new Set(proxies.flatMap((it) => it.findings.map(({ text }) => text)));
  return { proxies, partials: findings.filter(({ text }) => !known.has(text)) };
}

/** Reads and checks every partial, also those that no template includes. */
async function readPartials(directory: string | undefined): Promise<{
  readonly texts: ReadonlyMap<string, string>;
  readonly findings: readonly CheckFinding[];
}> {
  try {
    const texts = await loadPartials(directory);
    return { texts, findings: partialErrors(texts).flatMap(errorFindings) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { texts: await loadPartials(undefined), findings: errorFindings(error) };
  }
}
