import type { ReadQueue } from "./read-queue.ts";
import type { TrackedService } from "./tracked-services.ts";
import { agrees, NOBODY_SICK, type UnhealthyChecks } from "./unhealthy-checks.ts";

/**
 * Keeps what is known of services' health equal to the lists of critical and warning checks.
 *
 * A service's answer and the lists are read at different moments. Where they do not agree, the older one is
 * read again: so a flip is seen also when it fell between two reads.
 */
export interface HealthReconciler {
  /** A list was read. */
  listed(kind: "critical" | "warning", list: UnhealthyChecks, index: bigint): void;
  /** A service was read. */
  visited(entry: TrackedService): void;
  forget(entry: TrackedService): void;
}

/** Reads that do not agree with lists which are newer, after which there must be another reason than lag. */
const DISAGREE_AT_MOST = 3;

export function createHealthReconciler({
  book,
  soon,
}: {
  readonly book: ReadonlyMap<string, TrackedService>;
  /** Has a service read. */
  readonly soon: ReadQueue["soon"];
}): HealthReconciler {
  const lists = {
    critical: { list: NOBODY_SICK, index: 0n },
    warning: { list: NOBODY_SICK, index: 0n },
  };
  /** Services with an instance that was not passing when they were read. */
  const sick = new Set<TrackedService>();

  return {
    listed(kind, list, index) {
      const before = lists[kind].list;
      lists[kind] = { list, index };
      const entries = before.nodesText === list.nodesText ? mentioned(list) : book.values();
      for (const entry of new Set([...sick, ...entries])) {
        if (entry.index === undefined || isAgreed(entry)) continue;
        entry.disagreed = 0;
        soon(entry);
      }
    },
    visited(entry) {
      if (entry.instances.every(({ status }) => status === "passing")) sick.delete(entry);
      else sick.add(entry);
      if (isAgreed(entry)) entry.disagreed = 0;
      else if (isOlderThanLists(entry) && entry.disagreed < DISAGREE_AT_MOST) {
        entry.disagreed += 1;
        soon(entry, { newerThan: entry.index ?? 0n });
      }
      // Else the lists are older, and their bells are about to ring.
    },
    forget: (entry) => void sick.delete(entry),
  };

  function* mentioned(list: UnhealthyChecks): Iterable<TrackedService> {
    for (const name of list.instances.keys()) {
      const entry = book.get(name);
      if (entry !== undefined) yield entry;
    }
  }

  function isAgreed(entry: TrackedService): boolean {
    const { critical, warning } = lists;
    return agrees(entry.name, entry.instances, { critical: critical.list, warning: warning.list });
  }

  function isOlderThanLists({ index = 0n }: TrackedService): boolean {
    return index <= lists.critical.index && index <= lists.warning.index;
  }
}
