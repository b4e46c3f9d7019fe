import type { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Clock } from "./clock.ts";

/**
 * Consul away and back, seen over all queries together.
 *
 * When Consul comes back, its queries are answered one by one, and a catalog that is read half from before
 * and half from after an outage never existed. So answers are kept until every query that failed has one,
 * and then handed on at once. A query that goes on failing while others are answered fails on its own
 * account, and nobody waits for it: at once, when Consul itself refuses that very query.
 */
export interface Outage {
  /** Notes that an attempt at a query failed. */
  failed(query: string, error: AppError, failures: number): void;
  /** Notes that a query's last answer may be of before an outage, so that the others wait for its next one. */
  suspect(query: string): void;
  /** Hands an answer on: at once, or after an outage together with the others. */
  answered(query: string, deliver: () => void): void;
  /** Notes that Consul answered a query with nothing new. */
  unchanged(query: string): void;
  /** Notes that a query is not asked any more. */
  forget(query: string): void;
  /**
   * Resolves after `ms` or longer: all queries together are retried at most 20 times a second. Or sooner, when
   * another query is answered: each answer lets two that wait try at once. @throws the signal's reason
   */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** A query that still fails when others have been answered for this long fails on its own account. */
const TOGETHER_MS = 3_000;
/** The same where Consul has said of each of them that it refuses it. */
const REFUSED_MS = 500;
/** While answers keep coming they are waited for, but no longer than this. */
const TOGETHER_AT_MOST_MS = 10_000;
/** The first failure is said, and every so many after it. */
const SAY_EVERY = 20;
/** Least time between two retries, over all queries. */
const PACE_MS = 50;

export function createOutage(log: Log, clock: Clock): Outage {
  /** Failing, and waited for. */
  const down = new Set<string>();
  /** Those of them that Consul refused the last time. */
  const refused = new Set<string>();
  /** Failing on their own account. */
  const alone = new Set<string>();
  const kept = new Map<string, () => void>();
  const sleepers = new Set<() => void>();
  let sinceMs: number | undefined;
  /** Consul answered something since: else what failed is only not asked any more. */
  let isBack = false;
  let firstBackMs: number | undefined;
  let turnsTakenUntilMs = 0;
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
      } else if (failures % SAY_EVERY === 0) {
        log.warn({ query, failures, err: error, hint: error.hint }, `still: ${error.message}`);
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
      const gathers = down.size > 0;
      if (gathers) kept.set(query, deliver);
      succeeded(query);
      if (!gathers) deliver();
    },
    unchanged: succeeded,
    forget(query) {
      kept.delete(query);
      refused.delete(query);
      const wasLast = down.delete(query) && down.size === 0;
      const wasAlone = alone.delete(query);
      if (wasLast || wasAlone) settle();
    },
    pause: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const turnMs = nextTurnMs();
        const done = (how: () => void) => {
          cancel();
          sleepers.delete(wake);
          signal.removeEventListener("abort", abort);
          how();
        };
        const wake = () => done(resolve);
        const abort = () => done(() => reject(signal.reason));
        const cancel = clock.after(Math.max(ms, turnMs), wake);
        sleepers.add(wake);
        signal.addEventListener("abort", abort, { once: true });
      }),
  };

  /** How long until this retry has its turn among all retries. */
  function nextTurnMs(): number {
    const nowMs = clock.now();
    const turnMs = Math.max(nowMs, turnsTakenUntilMs);
    turnsTakenUntilMs = turnMs + PACE_MS;
    return turnMs - nowMs;
  }

  function succeeded(query: string): void {
    isBack = true;
    const wasFailing = down.delete(query) || alone.delete(query);
    refused.delete(query);
    if (wasFailing) wakeTwo();
    if (down.size > 0) bePatient(wasFailing);
    else if (wasFailing) settle();
  }

  function wakeTwo(): void {
    let count = 0;
    for (const wake of sleepers) {
      wake();
      count += 1;
      if (count === 2) return;
    }
  }

  /** Waits for the rest, as long as there is progress. */
  function bePatient(progress: boolean): void {
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
    settle();
  }

  /** Nobody is waited for any more. */
  function settle(): void {
    if (down.size > 0) return;
    stopPatience();
    firstBackMs = undefined;
    turnsTakenUntilMs = 0;
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
