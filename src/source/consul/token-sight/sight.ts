import type { AppError } from "../../../errors.ts";
import type { Log } from "../../../log.ts";

/**
 * What the ACL token is known to see less of than there is, over all queries together.
 *
 * Consul leaves out of an answer what the token may not see, and says so nowhere before 1.11. So each answer that lost
 * something is examined before it is used, and what is found is noted here.
 */
export interface Sight {
  /** Notes why the last answer to a query is not believed, or is only in part; nothing once it is believed. */
  note(query: string, doubt: AppError | undefined): void;
  /** Whether the token is known to see less than there is. */
  isNarrow(): boolean;
  /** The names of services that were listed last, by datacenter; those that are out of sight are among them. */
  readonly listed: Map<string, ReadonlySet<string>>;
  /** The datacenters in which a service is known to have ended before. */
  readonly ended: Set<string>;
  /** The indexes at which services were found to be out of sight, by datacenter and name. */
  readonly hiddenAt: Map<string, bigint>;
}

export function createSight(log: Log): Sight {
  const doubts = new Map<string, AppError>();
  /** The kinds of doubts that were logged: one token makes the same one of many queries. */
  const logged = new Set<string>();

  return {
    listed: new Map(),
    ended: new Set(),
    hiddenAt: new Map(),
    isNarrow: () => doubts.size > 0,
    note(query, doubt) {
      if (doubt === undefined) {
        if (!doubts.delete(query) || doubts.size > 0) return;
        logged.clear();
        log.info("Consul's token sees again what it saw before");
        return;
      }
      doubts.set(query, doubt);
      if (logged.has(doubt.hint)) return;
      logged.add(doubt.hint);
      log.warn({ query, err: doubt, hint: doubt.hint }, doubt.message);
    },
  };
}
