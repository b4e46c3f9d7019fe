import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";

/** The answers that the last render missed. While they are missing the next render would wait as well, so renders keep a distance. */
export interface MissingAnswers {
  /** Notes the answers that a render misses. */
  found(missing: ReadonlyMap<string, Query>, nowMs: number): void;
  /** Whether a render would still miss some of them. Then it is put off, until {@link MissingAnswers.retryAtMs}. */
  persists(snapshot: Snapshot, nowMs: number): boolean;
  /** Forgets it: the next render is tried at once. */
  forget(): void;
  /** When the render that was put off is due, in the clock of `nowMs`. */
  retryAtMs(): number | undefined;
}

const RETRY_MS = 500;

export function createMissingAnswers(): MissingAnswers {
  let missing: readonly Query[] = [];
  let retryAtMs = Number.NEGATIVE_INFINITY;
  let isPutOff = false;

  return {
    found(now, nowMs) {
      missing = [...now.values()];
      retryAtMs = nowMs + RETRY_MS;
      isPutOff = false;
    },
    persists(snapshot, nowMs) {
      isPutOff = nowMs < retryAtMs && missing.some((query) => snapshot.get(query) === undefined);
      return isPutOff;
    },
    forget() {
      retryAtMs = Number.NEGATIVE_INFINITY;
      isPutOff = false;
    },
    retryAtMs: () => (isPutOff ? retryAtMs : undefined),
  };
}
