import type { OperatorCommandResult } from "../../admin/proxy-routes.ts";
import { AppError } from "../../errors.ts";
import { type AdminClientOptions, openAdminClient } from "./admin-client.ts";
import { proxyText } from "./status.ts";

/** A command of an operator to one proxy. */
export type ProxyCommand = "pause" | "resume" | "rollback" | "accept";

const SUCCESSFUL_RESULTS: Readonly<Record<ProxyCommand, readonly string[]>> = {
  pause: ["paused", "unchanged"],
  resume: ["live", "unchanged"],
  rollback: ["live", "unchanged"],
  accept: ["live", "unchanged"],
};

/**
 * Sends a command to the running daemon, and prints the state of the proxy after it.
 *
 * @returns 0 when the command had its effect, 1 when it did not or the daemon refused
 * @throws {AppError} when the daemon cannot be reached
 */
export async function commandProxy(
  command: ProxyCommand,
  proxy: string,
  options: AdminClientOptions & { readonly generation?: number },
): Promise<number> {
  const { generation } = options;
  const client = await openAdminClient(options);
  try {
    const result = await client.post<OperatorCommandResult>(
      `/v1/proxies/${encodeURIComponent(proxy)}/${command}`,
      generation === undefined ? {} : { generation },
    );
    const text = options.json === true ? JSON.stringify(result, null, 2) : proxyText(result.status);
    process.stdout.write(`${text}\n`);
    return SUCCESSFUL_RESULTS[command].includes(result.result) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "CONTROL") throw error;
    process.stderr.write(`${error.message}\n  ${error.hint}.\n`);
    return 1;
  }
}
