import type { ProxyStatus } from "../apply/proxy-status.ts";

/** Why not every proxy serves a generation that was proved, a reason per proxy; empty when all do. */
export function unreadyReasons(proxies: readonly ProxyStatus[] | undefined): readonly string[] {
  if (proxies === undefined) return ["the proxies are being set up"];
  return proxies
    .filter((proxy) => !proxy.isServed && !isPausedWhileLive(proxy))
    .map((proxy) => `${proxy.name}: ${reasonOf(proxy)}`);
}

/** Who paused a proxy that served something vouches for it: it is not even looked at. */
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
    const lack =
      fallbackSince === undefined
        ? ""
        : `, which the last known good catalog, of ${fallbackSince}, lacks`;
    return `waiting for ${waitingFor.slice(0, 3).join(", ")}${more}${lack}${why}`;
  }
  return "no generation is proved to be served yet";
}
