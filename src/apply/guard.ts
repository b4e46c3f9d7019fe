import type { Instance, InstanceStatus } from "../catalog/instance.ts";
import type { Query } from "../catalog/query.ts";
import type { Snapshot } from "../catalog/snapshot.ts";

/** The registered instances that a render saw: the status of each by its node and id, by service. */
export type View = Readonly<Record<string, Readonly<Record<string, InstanceStatus>>>>;

/** From this size on a share of instances says something. */
const LEAST_INSTANCES = 10;
const LEAST_SERVICES = 3;

/** The view behind a set of asked queries. */
export function viewOf(snapshot: Snapshot, asked: ReadonlyMap<string, Query>): View {
  const view = new Map<string, View[string]>();
  for (const query of asked.values()) {
    if (query.kind !== "service") continue;
    const instances = snapshot.get(query) ?? [];
    if (instances.length === 0) continue;
    const seen = view.get(query.name);
    const more = statusesOf(instances);
    view.set(query.name, seen === undefined ? more : { ...seen, ...more });
  }
  return Object.fromEntries(view);
}

/** Answers never change: one that is asked again in the next snapshot is not counted again. */
const statuses = new WeakMap<readonly Instance[], View[string]>();

function statusesOf(instances: readonly Instance[]): View[string] {
  const known = statuses.get(instances);
  if (known !== undefined) return known;
  const result = Object.fromEntries(
    instances.map(({ node, id, status }) => [`${node}/${id}`, status]),
  );
  statuses.set(instances, result);
  return result;
}

/**
 * Why a step from one view to the next looks like a fault of the catalog rather than of the services, or
 * `undefined` when it does not.
 *
 * Only vanishing counts: an instance that is sick is still registered. Suspicious is that everything is
 * gone at once, or more than `maxDropPercent` of at least 10 instances across at least 3 services.
 */
export function suspicion(before: View, after: View, maxDropPercent: number): string | undefined {
  const total = count(before);
  const gone = Object.entries(before).map(([service, all]) => {
    const left = after[service] ?? {};
    return Object.keys(all).filter((name) => !Object.hasOwn(left, name)).length;
  });
  const vanished = gone.reduce((sum, it) => sum + it, 0);
  const services = gone.filter((it) => it > 0).length;
  if (total > 1 && count(after) === 0) return `all ${total} instances vanished at once`;
  const tooMany = vanished * 100 > total * maxDropPercent;
  if (total >= LEAST_INSTANCES && services >= LEAST_SERVICES && tooMany) {
    return `${vanished} of ${total} instances of ${services} services vanished at once`;
  }
  return undefined;
}

/** Whether each service that was there is there again. */
export function isRecovered(before: View, after: View): boolean {
  return Object.keys(before).every((service) => Object.keys(after[service] ?? {}).length > 0);
}

const count = (view: View): number =>
  Object.values(view).reduce((sum, all) => sum + Object.keys(all).length, 0);

/** Holds suspicious changes of one proxy back until they are explained, or for a time. */
export interface Guard {
  /** Why `after` must not go live now, or `undefined` when it may. */
  holds(before: View | undefined, after: View, nowMs: number): string | undefined;
  /** When a hold ends by time, in the clock of `nowMs`; `undefined` when nothing is held. */
  endsAtMs(): number | undefined;
}

export function createGuard(options: {
  readonly maxDropPercent: number;
  readonly holdMs: number;
}): Guard {
  let heldSinceMs: number | undefined;
  let reason = "";
  return {
    holds(before, after, nowMs) {
      if (before === undefined) return undefined;
      const suspicious = suspicion(before, after, options.maxDropPercent);
      if (heldSinceMs === undefined && suspicious === undefined) return undefined;
      const recovered = suspicious === undefined && isRecovered(before, after);
      heldSinceMs ??= nowMs;
      if (recovered || nowMs - heldSinceMs >= options.holdMs) {
        heldSinceMs = undefined;
        return undefined;
      }
      reason = suspicious ?? reason;
      return reason;
    },
    endsAtMs: () => (heldSinceMs === undefined ? undefined : heldSinceMs + options.holdMs),
  };
}
