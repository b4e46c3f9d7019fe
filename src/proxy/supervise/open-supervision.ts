import { join } from "node:path";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Log } from "../../log.ts";
import { type SupervisedProcess, superviseProcess } from "./supervised-process.ts";

/**
 * Prepares the supervision of a proxy with `reload.supervise`. Nothing runs yet.
 *
 * @param options.state the config's state directory
 */
export function openSupervision(
  { name, reload }: ProxyConfig,
  options: { readonly stopSignal: NodeJS.Signals; readonly state: string; readonly log: Log },
): SupervisedProcess | undefined {
  if (reload.supervise === undefined) return undefined;
  return superviseProcess({
    command: reload.supervise,
    stopSignal: options.stopSignal,
    graceMs: reload.stopTimeout,
    recordFile: join(options.state, name, "child.json"),
    log: options.log,
  });
}
