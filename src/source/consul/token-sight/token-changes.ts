import { setMaxListeners } from "node:events";
import type { ConsulConfig } from "../../../config/consul-schema.ts";
import { watchPaths } from "../../watch-paths.ts";
import type { Fetch } from "../blocking-query.ts";
import { currentToken } from "../consul-connection.ts";

/**
 * Notices that the token file has another token. Consul filters a blocking query with the token of its start, and no index
 * moves when the token does: so everything is asked again at once, without an index.
 */
export interface TokenChanges {
  /** Calls `listener` after each change, until `signal` aborts. */
  onChange(listener: () => void, signal: AbortSignal): void;
  /** The same fetch; one that is held when the token changes starts again without an index. */
  restarting<T>(fetch: Fetch<T>): Fetch<T>;
}

export function createTokenChanges(config: ConsulConfig, signal: AbortSignal): TokenChanges {
  const listeners = new Set<() => void>();
  let epoch = createEpoch();
  if (!config.token && config.tokenFile !== undefined) void watch(config.tokenFile);

  return {
    onChange(listener, end) {
      listeners.add(listener);
      end.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
    restarting: (fetch) => async (index, stop) => {
      for (let from = index; ; from = 0n) {
        const { signal: changed } = epoch;
        const either = new AbortController();
        const end = (): void => either.abort(stop.aborted ? stop.reason : changed.reason);
        stop.addEventListener("abort", end);
        changed.addEventListener("abort", end);
        try {
          stop.throwIfAborted();
          return await fetch(from, either.signal);
        } catch (error) {
          if (stop.aborted || !changed.aborted) throw error;
        } finally {
          stop.removeEventListener("abort", end);
          changed.removeEventListener("abort", end);
        }
      }
    },
  };

  async function watch(file: string): Promise<void> {
    let known = await tokenOr(undefined);
    watchPaths([file], { signal, onChange: () => void compare() });

    async function compare(): Promise<void> {
      const now = await tokenOr(known);
      if (now === known || signal.aborted) return;
      known = now;
      const before = epoch;
      epoch = createEpoch();
      before.abort(new Error("the token changed"));
      for (const listener of listeners) listener();
    }
  }

  /** A file that cannot be read has no other token. */
  async function tokenOr(known: string | undefined): Promise<string | undefined> {
    try {
      return await currentToken(config);
    } catch {
      return known;
    }
  }
}

function createEpoch(): AbortController {
  const epoch = new AbortController();
  setMaxListeners(0, epoch.signal); // one for each request
  return epoch;
}
