import type { DaemonStatus } from "../../admin/daemon.ts";
import type { HistoryEntry } from "../../apply/state/history-store.ts";
import { AppError } from "../../errors.ts";
import { type AdminClient, type AdminClientOptions, openAdminClient } from "./admin-client.ts";

/**
 * Prints the last generations of one proxy or of all; with a number, that one with its diff.
 *
 * @returns 0
 * @throws {AppError} when the daemon cannot be reached, or there is no such proxy or generation
 */
export async function history(
  proxy: string | undefined,
  number: number | undefined,
  options: AdminClientOptions,
): Promise<number> {
  const client = await openAdminClient(options);
  if (proxy !== undefined && number !== undefined) {
    const found = await client.get<Detail>(`${pathOf(proxy)}/${number}`);
    print(found, options, detailText);
    return 0;
  }
  const { proxies } = await client.get<DaemonStatus>("/v1/status");
  const names = proxies.map(({ name }) => name).filter((it) => proxy === undefined || it === proxy);
  if (names.length === 0) {
    throw new AppError("USAGE", `Cannot print the history as there is no proxy "${proxy}"`, {
      hint: `Name one of ${proxies.map(({ name }) => name).join(", ")}`,
    });
  }
  print(await Promise.all(names.map((name) => read(client, name))), options, (all) =>
    all.map(listText).join("\n\n"),
  );
  return 0;
}

interface Listed {
  readonly proxy: string;
  readonly generations: readonly HistoryEntry[];
}

type Detail = HistoryEntry & { readonly comparedTo?: number; readonly diff: string };

const pathOf = (proxy: string): string => `/v1/proxies/${encodeURIComponent(proxy)}/history`;

async function read(client: AdminClient, proxy: string): Promise<Listed> {
  const { generations } = await client.get<Omit<Listed, "proxy">>(pathOf(proxy));
  return { proxy, generations };
}

function print<T>(value: T, { json }: AdminClientOptions, text: (value: T) => string): void {
  process.stdout.write(`${json === true ? JSON.stringify(value, null, 2) : text(value)}\n`);
}

const listText = ({ proxy, generations }: Listed): string =>
  [`${proxy}:`, ...generations.map((it) => `  ${lineOf(it)}`)].join("\n");

function lineOf({ number, at, result, attempts, timings, cause, message }: HistoryEntry): string {
  const totalMs = Object.values(timings).reduce((sum, ms) => sum + ms, 0);
  const tries = attempts > 1 ? `, ${attempts} attempts` : "";
  const why = message === undefined ? "" : `: ${message.split("\n")[0]}`;
  return `${number}  ${at}  ${result} in ${totalMs} ms${tries}  ${cause.change}${why}`;
}

function detailText({ diff, comparedTo, ...entry }: Detail): string {
  const { cause, message, hint } = entry;
  return [
    lineOf({ ...entry, message: undefined }),
    ...(cause.queries.length === 0 ? [] : [`changed answers: ${cause.queries.join(", ")}`]),
    ...(cause.isByTemplate ? ["the templates changed"] : []),
    ...(message === undefined ? [] : [message, `→ ${hint ?? ""}`]),
    comparedTo === undefined ? "no earlier generation is kept" : `compared to ${comparedTo}:`,
    diff,
  ].join("\n");
}
