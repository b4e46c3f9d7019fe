import type { ReadQueue } from "./read-queue.ts";
import type { TrackedService } from "./tracked-services.ts";
import { agrees, NOTHING_UNHEALTHY, type UnhealthyChecks } from "./unhealthy-checks.ts";

/**
 * Keeps the known health of services equal to the lists of critical and warning checks.
 *
 * A service's answer and the lists are read at different moments. Where they do not agree, the older one is
 * read again, so that a change between two reads is noticed as well.
 */
export interface HealthReconciler {
  /** A list was read. */
  listed(kind: "critical" | "warning", list: UnhealthyChecks, index: bigint): void;
  /** A service was read. */
  wasRead(entry: TrackedService): void;
  forget(entry: TrackedService): void;
}

/** Reads that do not agree with lists which are newer, after which there must be another reason than lag. */
const DISAGREE_AT_MOST = 3;

export function createHealthReconciler({
  tracked,
  soon,
}: {
  readonly tracked: ReadonlyMap<string, TrackedService>;
  /** Has a service read. */
  readonly soon: ReadQueue["soon"];
}): HealthReconciler {
  const lists = {
    critical: { list: NOTHING_UNHEALTHY, index: 0n },
    warning: { list: NOTHING_UNHEALTHY, index: 0n },
  };
  /** Services with an instance that was not passing when they were read. */
  const unhealthy = new Set<TrackedService>();

  return {
    listed(kind, list, index) {
      const before = lists[kind].list;
      lists[kind] = { list, index };
      const entries = before.nodesText === list.nodesText ? mentioned(list) : tracked.values();
      for (const entry of new Set([...unhealthy, ...entries])) {
        if (entry.index === undefined || isAgreed(entry)) continue;
        entry.disagreed = 0;
        soon(entry);
      }
    },
    wasRead(entry) {
      if (entry.instances.every(({ status }) => status === "passing")) unhealthy.delete(entry);
      else unhealthy.add(entry);
      if (isAgreed(entry)) entry.disagreed = 0;
      else if (isOlderThanLists(entry) && entry.disagreed < DISAGREE_AT_MOST) {
        entry.disagreed += 1;
        soon(entry, { newerThan: entry.index ?? 0n });
      }
      // Else the lists are older, and their watches are about to wake up.
    },
    forget: (entry) => void unhealthy.delete(entry),
  };

  function* mentioned(list: UnhealthyChecks): Iterable<TrackedService> {
    for (const name of list.instances.keys()) {
      const entry = tracked.get(name);
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
