import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";

/** What the last render lacked. While that is so the next one would wait as well, so they keep a distance. */
export interface MissingAnswers {
  /** Notes the answers that a render lacks. */
  found(missing: ReadonlyMap<string, Query>, nowMs: number): void;
  /** Whether a render would lack some of them still. Then it is put off, until {@link MissingAnswers.lookAgainAtMs}. */
  persists(snapshot: Snapshot, nowMs: number): boolean;
  /** Forgets it: the next render is tried at once. */
  forget(): void;
  /** When the render that was put off is due, in the clock of `nowMs`. */
  lookAgainAtMs(): number | undefined;
}

const LOOK_AGAIN_MS = 500;

export function createMissingAnswers(): MissingAnswers {
  let missing: readonly Query[] = [];
  let lookAgainAtMs = Number.NEGATIVE_INFINITY;
  let isPutOff = false;

  return {
    found(now, nowMs) {
      missing = [...now.values()];
      lookAgainAtMs = nowMs + LOOK_AGAIN_MS;
      isPutOff = false;
    },
    persists(snapshot, nowMs) {
      isPutOff =
        nowMs < lookAgainAtMs && missing.some((query) => snapshot.get(query) === undefined);
      return isPutOff;
    },
    forget() {
      lookAgainAtMs = Number.NEGATIVE_INFINITY;
      isPutOff = false;
    },
    lookAgainAtMs: () => (isPutOff ? lookAgainAtMs : undefined),
  };
}
