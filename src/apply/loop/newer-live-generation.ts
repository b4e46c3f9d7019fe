import type { CatalogStore } from "../../catalog/store.ts";
import type { FileConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { History } from "../state/history.ts";
import type { LiveState } from "../state/live-state.ts";
import { readGeneration } from "./operator-commands.ts";

/**
 * Keeps what is live while the fallback catalog is older than the catalog that it was made from: the fallback
 * is saved now and then only, and what went live after it is not to be taken back because the source is away at a start.
 */
export interface NewerLiveGeneration {
  /** The number of the generation to serve from the history, whatever the catalog says. */
  number(): number | undefined;
  /** Has the catalog used though it is older, as somebody changed what is made from it. */
  ignore(): void;
}

export function createNewerLiveGeneration(parts: {
  readonly store: Pick<CatalogStore, "fallbackSince">;
  readonly state: Pick<LiveState, "live">;
  readonly history: Pick<History, "read">;
  readonly files: readonly FileConfig[];
}): NewerLiveGeneration {
  const { store, state, history, files } = parts;
  let decided: { readonly since: Date; readonly number: number | undefined } | undefined;
  return {
    number() {
      const since = store.fallbackSince();
      if (since === undefined) decided = undefined;
      else if (decided?.since !== since) decided = { since, number: newerThan(since) };
      return decided?.number;
    },
    ignore() {
      if (decided !== undefined) decided = { ...decided, number: undefined };
    },
  };

  function newerThan(since: Date): number | undefined {
    const { live } = state;
    if (live === undefined || live.catalogAtMs <= since.getTime()) return undefined;
    try {
      const { entry } = readGeneration(history, live.number, files);
      return entry.id === live.id ? live.number : undefined;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return undefined; // such as of files that the config does not name any more
    }
  }
}
