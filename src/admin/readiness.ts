import type { ProxyStatus } from "../apply/proxy-status.ts";

/** A reason for each proxy that is not proved to serve its live generation; empty when all are. */
export function unreadyReasons(proxies: readonly ProxyStatus[] | undefined): readonly string[] {
  if (proxies === undefined) return ["the proxies are being set up"];
  return proxies
    .filter((proxy) => !proxy.isServed && !isPausedWhileLive(proxy))
    .map((proxy) => `${proxy.name}: ${reasonOf(proxy)}`);
}

/** An operator who pauses a proxy answers for it: Fairlead does not reconcile it. */
const isPausedWhileLive = ({ control, live }: ProxyStatus): boolean =>
  control.mode === "paused" && live !== undefined;

function reasonOf(proxy: ProxyStatus): string {
  const { lastError, waitingFor, held, disconnected, templateFault, fallbackSince } = proxy;
  if (templateFault !== undefined) return `refused: ${templateFault.message}`;
  if (lastError !== undefined) return `${lastError.result}: ${lastError.message}`;
  if (held !== undefined) return `held: ${held.reason}`;
  if (waitingFor.length > 0) {
    const why = disconnected[0] === undefined ? "" : `: ${disconnected[0].reason}`;
    const more = waitingFor.length > 3 ? ` and ${waitingFor.length - 3} more` : "";
    const fallback =
      fallbackSince === undefined ? "" : `, which the fallback catalog of ${fallbackSince} lacks`;
    return `waiting for ${waitingFor.slice(0, 3).join(", ")}${more}${fallback}${why}`;
  }
  return "no generation is proved to be served yet";
}
