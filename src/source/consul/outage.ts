import type { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Clock } from "./clock.ts";
import { createRetryPace, type RetryPace } from "./retry-pace.ts";

/**
 * An outage of Consul and its end, over all queries together.
 *
 * When Consul comes back, it answers query by query, and a catalog of which one half is from before and the other
 * from after an outage never existed. So answers are kept until every query that failed has one, and then delivered
 * together. A query that goes on failing while others are answered fails alone, and no answer waits for it: at once,
 * when Consul itself refuses that very query.
 */
export interface Outage {
  /** Notes that an attempt at a query failed. */
  failed(query: string, error: AppError, failures: number): void;
  /** Notes that a query's last answer may be from before an outage, so that the others wait for its next one. */
  suspect(query: string): void;
  /** Delivers an answer: at once, or after an outage together with the others. */
  answered(query: string, deliver: () => void): void;
  /** Notes that Consul answered a query with nothing new. */
  unchanged(query: string): void;
  /** Notes that a query is no longer followed. */
  forget(query: string): void;
  /** Waits before a retry. An answer to another query may end the wait early. */
  readonly pause: RetryPace["pause"];
}

/** A query that still fails when others have been answered for this long fails alone. */
const TOGETHER_MS = 3_000;
/** The same when Consul refuses each query that still fails. */
const REFUSED_MS = 500;
/** While answers keep coming they are waited for, but no longer than this. */
const TOGETHER_AT_MOST_MS = 10_000;
/** The first failure is logged, and every twentieth after it. */
const LOG_EVERY = 20;

export function createOutage(log: Log, clock: Clock): Outage {
  /** Failing, and waited for. */
  const down = new Set<string>();
  /** Those of them that Consul refused at the last attempt. */
  const refused = new Set<string>();
  /** Failing alone. */
  const alone = new Set<string>();
  /** Answers that wait, by query. */
  const kept = new Map<string, () => void>();
  const pace = createRetryPace(clock);
  let sinceMs: number | undefined;
  /** Consul answered since: else the queries that failed are only no longer followed. */
  let isBack = false;
  let firstBackMs: number | undefined;
  let stopPatience: () => void = () => undefined;

  return {
    failed(query, error, failures) {
      if (sinceMs === undefined) {
        sinceMs = clock.now();
        isBack = false;
        log.warn(
          { query, err: error, hint: error.hint },
          `${error.message}; the last answers stay in force`,
        );
      } else if (failures % LOG_EVERY === 0) {
        log.warn(
          { query, failures, err: error, hint: error.hint },
          `${error.message}; still no answer after ${failures} attempts`,
        );
      }
      if (alone.has(query)) return;
      down.add(query);
      if (error.code !== "CONSUL_REFUSED") refused.delete(query);
      else if (firstBackMs === undefined) refused.add(query);
      else failAlone([query]);
    },
    suspect(query) {
      if (!alone.has(query)) down.add(query);
    },
    answered(query, deliver) {
      const mustWait = down.size > 0;
      if (mustWait) kept.set(query, deliver);
      succeeded(query);
      if (!mustWait) deliver();
    },
    unchanged: succeeded,
    forget(query) {
      kept.delete(query);
      refused.delete(query);
      const wasLast = down.delete(query) && down.size === 0;
      const wasAlone = alone.delete(query);
      if (wasLast || wasAlone) endWait();
    },
    pause: pace.pause,
  };

  function succeeded(query: string): void {
    isBack = true;
    const wasFailing = down.delete(query) || alone.delete(query);
    refused.delete(query);
    if (wasFailing) pace.wakeTwo();
    if (down.size > 0) waitForRest(wasFailing);
    else if (wasFailing) endWait();
  }

  /** Waits for the queries that still fail, as long as there is progress. */
  function waitForRest(progress: boolean): void {
    if (firstBackMs !== undefined && !progress) return;
    firstBackMs ??= clock.now();
    stopPatience();
    const leftMs = firstBackMs + TOGETHER_AT_MOST_MS - clock.now();
    const patienceMs = [...down].every((it) => refused.has(it)) ? REFUSED_MS : TOGETHER_MS;
    stopPatience = clock.after(Math.max(0, Math.min(patienceMs, leftMs)), () =>
      failAlone([...down]),
    );
  }

  function failAlone(queries: readonly string[]): void {
    for (const query of queries) {
      down.delete(query);
      refused.delete(query);
      alone.add(query);
    }
    endWait();
  }

  /** Delivers the answers that waited, unless a query is still waited for. */
  function endWait(): void {
    if (down.size > 0) return;
    stopPatience();
    firstBackMs = undefined;
    pace.reset();
    if (alone.size === 0 && sinceMs !== undefined) {
      const outageMs = Math.round(clock.now() - sinceMs);
      if (isBack) log.info({ outageMs }, "Consul answers again");
      sinceMs = undefined;
    }
    const ready = [...kept.values()];
    kept.clear();
    for (const deliver of ready) deliver();
  }
}
