import { type Element, type Part, partText } from "../../catalog/part.ts";
import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { AnswersInForce } from "../in-force/answers-in-force.ts";
import type { PartFault, Quarantine } from "./quarantine.ts";
import type { CulpritsFound } from "./verdict.ts";

export interface IsolatedFault extends PartFault {
  /** Whether the part goes on with what is in force of it; else it is left out. */
  readonly isPinned: boolean;
}

/** Puts faults of parts into quarantine. */
export interface FaultRecorder {
  /**
   * Puts faults into quarantine. What is in force of a part that is in quarantine already was found at fault, too: it is
   * dropped. Returns all of them.
   */
  record(faults: readonly PartFault[], from: RecordFrom): readonly IsolatedFault[];
  /** Puts what a search found into quarantine. Returns the faults, or `undefined` when it found nothing. */
  recordFound(
    found: CulpritsFound,
    from: Omit<RecordFrom, "isUntried">,
  ): readonly IsolatedFault[] | undefined;
  /** Whether a part in quarantine goes on with what is in force of it: that may be at fault, too. */
  hasOlder(text: string): boolean;
  /** Whether a part with this data is out, and so no suspect. */
  isOut(text: string, element: Element): boolean;
}

/** How faults were found. */
interface RecordFrom {
  readonly newest: Snapshot;
  readonly asked: ReadonlyMap<string, Query>;
  readonly byCheck: boolean;
  readonly isUntried: boolean;
}

/** @param parts.now a monotonic clock in milliseconds */
export function createFaultRecorder({
  quarantine,
  inForce,
  now,
}: {
  readonly quarantine: Pick<Quarantine, "add" | "has" | "list">;
  readonly inForce: Pick<AnswersInForce, "asked" | "drop" | "isDropped" | "knows">;
  readonly now: () => number;
}): FaultRecorder {
  return {
    record,
    recordFound,
    hasOlder,
    isOut: (text, element) => quarantine.has(text, element) && !hasOlder(text),
  };

  function recordFound(
    { culprits, untried }: CulpritsFound,
    from: Omit<RecordFrom, "isUntried">,
  ): readonly IsolatedFault[] | undefined {
    const faults = culprits.map(({ suspect, reason, hint, field }): PartFault => {
      return { part: suspect.part, reason, hint, ...(field === undefined ? {} : { field }) };
    });
    record(
      untried.map(({ part }) => untriedFault(part)),
      { ...from, isUntried: true },
    );
    const isolated = record(faults, { ...from, isUntried: false });
    return isolated.length > 0 || untried.length > 0 ? isolated : undefined;
  }

  /**
   * Puts faults into quarantine. What is in force of a part that is in quarantine already was found at fault, too: it is
   * dropped. Returns the faults that are new.
   */
  function record(faults: readonly PartFault[], from: RecordFrom): readonly IsolatedFault[] {
    const known = new Set(quarantine.list().map(({ part }) => partText(part)));
    const isKnown = ({ part }: PartFault): boolean => known.has(partText(part));
    for (const { part } of faults.filter(isKnown)) inForce.drop(partText(part));
    const { newest: snapshot, asked, byCheck, isUntried } = from;
    quarantine.add(
      faults.filter((it) => !isKnown(it)),
      { snapshot, asked, byCheck, isUntried, nowMs: now() },
    );
    return faults.map((fault) => ({
      ...fault,
      isPinned: !isKnown(fault) && isInForce(fault, asked),
    }));
  }

  function isInForce({ part }: PartFault, asked: ReadonlyMap<string, Query>): boolean {
    return [...asked.values()].some((query) => inForce.knows(query, partText(part)));
  }

  function hasOlder(text: string): boolean {
    if (inForce.isDropped(text)) return false;
    return [...inForce.asked().values()].some((query) => inForce.knows(query, text));
  }
}

const untriedFault = (part: Part): PartFault => ({
  part,
  reason: "the search for what the proxy refuses has not come to it yet",
  hint: "The search goes on with the next attempt",
});
