import type { DaemonStatus } from "../../admin/daemon.ts";
import type { ProxyStatus } from "../../apply/proxy-status.ts";
import { partName } from "../../catalog/part.ts";
import { relativeTime } from "../text/relative-time.ts";
import { type AdminClientOptions, openAdminClient } from "./admin-client.ts";

/**
 * Prints the state of every proxy.
 *
 * @returns 0 when each serves its live generation and that is what is desired, else 1
 * @throws {AppError} when the daemon cannot be reached
 */
export async function status(options: AdminClientOptions): Promise<number> {
  const client = await openAdminClient(options);
  const daemon = await client.get<DaemonStatus>("/v1/status");
  const text = options.json === true ? JSON.stringify(daemon, null, 2) : daemonText(daemon);
  process.stdout.write(`${text}\n`);
  return daemon.isReady && daemon.proxies.every(isAsDesired) ? 0 : 1;
}

const isAsDesired = ({ result, templateFault, fallbackSince }: ProxyStatus): boolean =>
  (result === "live" || result === "unchanged" || result === "waiting") &&
  templateFault === undefined &&
  fallbackSince === undefined;

const daemonText = ({ version, startedAt, proxies }: DaemonStatus): string =>
  [`fairlead ${version}, started ${relativeTime(startedAt)}`, ...proxies.map(proxyText)].join(
    "\n\n",
  );

/** The live generation in one line, then a line for each thing that is not as desired, with its next step. */
export function proxyText(proxy: ProxyStatus): string {
  const { name, kind, live } = proxy;
  const where =
    live === undefined
      ? "nothing is live yet"
      : `generation ${live.number} (${live.id}) since ${relativeTime(live.at)}, ${proxy.isServed ? "served" : "not proved to be served"}`;
  return [`${name} (${kind}): ${where}`, ...remarks(proxy).map((it) => `  ${it}`)].join("\n");
}

function remarks(proxy: ProxyStatus): readonly string[] {
  const { control, held, lastError, retryAt, lagMs, waitingFor, leftOut, pinned, damped } = proxy;
  const { templateFault, fallbackSince, draining } = proxy;
  return [
    ...(fallbackSince === undefined
      ? []
      : [`Consul does not answer: the fallback catalog of ${fallbackSince} is in use`]),
    ...(templateFault === undefined
      ? []
      : [`the templates cannot be used: ${templateFault.message}`, `→ ${templateFault.hint}`]),
    ...(control.mode === "paused" ? [`paused ${relativeTime(control.since)}`] : []),
    ...(control.mode === "rolled-back"
      ? [`rolled back to generation ${control.generation} ${relativeTime(control.since)}`]
      : []),
    ...(held === undefined ? [] : [`held: ${held.reason}; at most until ${held.until}`]),
    ...(lastError === undefined
      ? []
      : [
          `${lastError.result} ${relativeTime(lastError.at)}: ${lastError.message}`,
          `→ ${lastError.hint}`,
        ]),
    ...(retryAt === undefined ? [] : [`tried again at ${retryAt}`]),
    ...(lagMs < 1_000 ? [] : [`what is live is ${Math.round(lagMs / 1_000)} s behind`]),
    ...(waitingFor.length === 0 ? [] : [`waiting for ${some(waitingFor)}`]),
    ...leftOut.map((it) => `left out: ${nameOf(it)}: ${it.reason}\n  → ${it.hint}`),
    ...pinned.map((it) => `on older data: ${nameOf(it)}: ${it.reason}\n  → ${it.hint}`),
    ...damped.map((it) => `flaps: instance "${it.instance}" of "${it.service}" on ${it.node}`),
    ...(draining === 0 ? [] : [`${draining} old workers serve their last connections`]),
    ...disconnectedText(proxy),
    ...proxy.problems.map(
      (it) => `service "${it.service}", instance "${it.instance}": ${it.subject}: ${it.reason}`,
    ),
  ];
}

const nameOf = (it: ProxyStatus["pinned"][number]): string =>
  it.kind === "query" ? it.query : partName(it);

function disconnectedText({ disconnected }: ProxyStatus): readonly string[] {
  const [first] = disconnected;
  if (first === undefined) return [];
  const queries = some(disconnected.map(({ query }) => query));
  return [`no fresh answer to ${queries}: ${first.reason}`, `→ ${first.hint}`];
}

const some = (texts: readonly string[]): string =>
  `${texts.slice(0, 5).join(", ")}${texts.length > 5 ? ` and ${texts.length - 5} more` : ""}`;
