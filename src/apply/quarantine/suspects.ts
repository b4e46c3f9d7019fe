import {
  type Element,
  elementsOf,
  isListOfParts,
  listed,
  type Part,
  partOf,
  partText,
} from "../../catalog/part.ts";
import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";

/** What may have brought a fault: one part, or a service that is new as a whole. */
export interface Suspect {
  readonly text: string;
  readonly part: Part;
  /** The instances of a service that is new: when the service is at fault, one of them may be. */
  readonly within: readonly Suspect[];
}

/** What of the newest answers is not in force. */
export interface InForce {
  /** Whether a part is in force with this data. */
  has(query: Query, text: string, element: Element): boolean;
  /** Whether any of a part was ever in force in the answer to `query`. */
  knows(query: Query, text: string): boolean;
}

/**
 * The parts of the newest answers that are not in force as they are now: what is in force was accepted, and is no
 * suspect. Parts that are in quarantine already are none either. In the order of the queries, and so of their names.
 */
export function suspectsIn(
  newest: Snapshot,
  asked: Iterable<Query>,
  from: { readonly inForce: InForce; readonly isOut: (text: string, element: Element) => boolean },
): readonly Suspect[] {
  const queries = [...asked];
  const suspects = new Map<string, Suspect>();
  const changed = changedParts(newest, queries, from);
  const newServices = new Set<string>();
  for (const { part, isNew } of changed.values()) {
    if (part.kind === "service" && isNew) newServices.add(part.service);
  }
  const instances = instancesByService(changed);
  for (const [text, { part }] of changed) {
    if (part.kind === "instance" && newServices.has(part.service)) continue;
    const isNewService = part.kind === "service" && newServices.has(part.service);
    const within = isNewService ? (instances.get(part.service) ?? []) : [];
    suspects.set(text, { text, part, within });
  }
  return [...suspects.values()];
}

interface Changed {
  readonly part: Part;
  readonly isNew: boolean;
}

function changedParts(
  newest: Snapshot,
  queries: readonly Query[],
  { inForce, isOut }: Parameters<typeof suspectsIn>[2],
): ReadonlyMap<string, Changed> {
  const changed = new Map<string, Changed>();
  for (const query of queries) {
    const answer = newest.get<Query>(query);
    if (answer === undefined) continue;
    const all = isListOfParts(query)
      ? elementsOf(query, answer)
      : listed(query, answer).map((it) => [partText(partOf(query, it)), it] as const);
    for (const [text, element] of all) {
      if (inForce.has(query, text, element) || isOut(text, element)) continue;
      const isNew = !inForce.knows(query, text) && changed.get(text)?.isNew !== false;
      changed.set(text, { part: partOf(query, element), isNew });
    }
  }
  return changed;
}

function instancesByService(
  changed: ReadonlyMap<string, Changed>,
): ReadonlyMap<string, readonly Suspect[]> {
  const instances = new Map<string, Suspect[]>();
  for (const [text, { part }] of changed) {
    if (part.kind !== "instance") continue;
    const suspect = { text, part, within: [] };
    const known = instances.get(part.service);
    if (known === undefined) instances.set(part.service, [suspect]);
    else known.push(suspect);
  }
  return instances;
}

/** The suspects and what is within them, by canonical text. */
export function allOf(suspects: readonly Suspect[]): ReadonlyMap<string, Suspect> {
  return new Map(
    suspects.flatMap((it) => [it, ...it.within]).map((it): [string, Suspect] => [it.text, it]),
  );
}
