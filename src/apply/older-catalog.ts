import type { CatalogStore } from "../catalog/store.ts";
import type { History } from "./history.ts";
import type { LiveState } from "./live-state.ts";

/**
 * Keeps what is live while the catalog that stands in for the source's is older: that one is saved now and then only, and
 * what went live after it is not to be taken back because the source is away at a start.
 */
export interface OlderCatalog {
  /** The number of the generation to serve from the history, whatever the catalog says. */
  outdoneBy(): number | undefined;
}

export function createOlderCatalog(parts: {
  readonly store: Pick<CatalogStore, "standsInSince">;
  readonly state: Pick<LiveState, "live">;
  readonly history: Pick<History, "entries">;
}): OlderCatalog {
  const { store, state, history } = parts;
  let decided: { readonly since: Date; readonly number: number | undefined } | undefined;
  return {
    outdoneBy() {
      const since = store.standsInSince();
      if (since === undefined) decided = undefined;
      else if (decided?.since !== since) decided = { since, number: newerThan(since) };
      return decided?.number;
    },
  };

  function newerThan(since: Date): number | undefined {
    const { live } = state;
    if (live === undefined || Date.parse(live.at) <= since.getTime()) return undefined;
    return history.entries().some(({ id, number }) => id === live.id && number === live.number)
      ? live.number
      : undefined;
  }
}
