import type { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";

/**
 * Consul away and back, seen over all queries together.
 *
 * When Consul comes back, its queries are answered one by one, and a catalog that is read half from before
 * and half from after an outage never existed. So answers are kept until every query that failed has one,
 * and then handed on at once.
 */
export interface Outage {
  /** Notes that an attempt at a query failed. */
  failed(query: string, error: AppError, failures: number): void;
  /** Hands an answer on: at once, or after an outage together with the others. */
  answered(query: string, deliver: () => void): void;
  /** Notes that Consul answered a query with nothing new. */
  unchanged(query: string): void;
  /** Notes that a query is not asked any more. */
  forget(query: string): void;
  /** Resolves after `ms`, or as soon as another query is answered: then Consul is back. @throws the signal's reason */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** A query that still fails when others are answered for this long fails on its own account. */
const TOGETHER_MS = 3_000;
/** The first failure is said, and every so many after it. */
const SAY_EVERY = 20;

export function createOutage(log: Log): Outage {
  const failing = new Set<string>();
  const kept = new Map<string, () => void>();
  const sleepers = new Set<() => void>();
  let sinceMs = 0;
  let patience: NodeJS.Timeout | undefined;

  return {
    failed(query, error, failures) {
      if (failing.size === 0) {
        sinceMs = performance.now();
        log.warn(
          { query, err: error, hint: error.hint },
          `${error.message}; the last answers stay in force`,
        );
      } else if (failures % SAY_EVERY === 0) {
        log.warn({ query, failures, err: error, hint: error.hint }, `still: ${error.message}`);
      }
      failing.add(query);
    },
    answered(query, deliver) {
      if (failing.size === 0) return deliver();
      kept.set(query, deliver);
      succeeded(query);
    },
    unchanged: succeeded,
    forget(query) {
      kept.delete(query);
      if (failing.delete(query) && failing.size === 0) end();
    },
    pause: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const done = (settle: () => void) => {
          clearTimeout(timer);
          sleepers.delete(wake);
          signal.removeEventListener("abort", abort);
          settle();
        };
        const wake = () => done(resolve);
        const abort = () => done(() => reject(signal.reason));
        const timer = setTimeout(wake, ms);
        sleepers.add(wake);
        signal.addEventListener("abort", abort, { once: true });
      }),
  };

  function succeeded(query: string): void {
    if (!failing.delete(query)) return;
    for (const wake of sleepers) wake();
    if (failing.size === 0) end();
    else patience ??= setTimeout(handOn, TOGETHER_MS);
  }

  function end(): void {
    log.info({ outageMs: Math.round(performance.now() - sinceMs) }, "Consul answers again");
    handOn();
  }

  function handOn(): void {
    clearTimeout(patience);
    patience = undefined;
    const ready = [...kept.values()];
    kept.clear();
    for (const deliver of ready) deliver();
  }
}
