import type { ProxyConfig } from "../../config/proxy-schema.ts";
import { formatOf } from "../../template/compile/proxy-templates.ts";
import type { Output } from "../../template/render/render-files.ts";
import { isRenderOf } from "../../template/render/render-proxy.ts";
import { readState } from "../disk/durable-file.ts";
import { isOutputOf } from "../disk/output-paths.ts";
import type { History } from "./history.ts";
import type { LiveState } from "./live-state.ts";

/**
 * Puts what is live into the history, should that lack it: Fairlead was killed before it was written, or finished the swap
 * only at a start. Files that are no longer those of the generation are not what was live, and are left out.
 */
export function fillHistory(
  history: Pick<History, "entries" | "listener">,
  live: LiveState["live"],
  proxy: ProxyConfig,
): void {
  if (live === undefined || history.entries().some(({ id }) => id === live.id)) return;
  const outputs = live.paths.flatMap((path) => readOutput(path, proxy) ?? []);
  if (outputs.length < live.paths.length || !isRenderOf(live.id, outputs)) return;
  const result = { kind: "live", proof: live.proof, wasLive: false, timings: {} } as const;
  const cause = { change: "found live at a start", queries: [], isByTemplate: false };
  history.listener.applied?.(live, result, { cause, outputs });
}

/** What is at the path of an output now; `undefined` when it is nobody's, or cannot be read. */
export function readOutput(path: string, proxy: ProxyConfig): Output | undefined {
  const entry = proxy.files.find((file) => isOutputOf(file, path));
  if (entry === undefined) return undefined;
  try {
    const state = readState(path);
    const format = path.endsWith(".cli") ? "text" : formatOf(entry, proxy);
    return state && { path, text: state.bytes.toString("utf8"), format, mode: state.mode };
  } catch {
    return undefined; // what cannot be read now is not needed
  }
}
