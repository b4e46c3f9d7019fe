import { changedIn, countOf, healthyOf, type Statuses, totalOf, type View } from "./view.ts";

/** From when on a change is suspicious. */
export interface GuardRules {
  /** Share of instances that may be gone in one step. */
  readonly maxDropPercent: number;
  /** Least passing instances by service; `*` is for those that are not named. */
  readonly minInstances: Readonly<Record<string, number>>;
}

/** From this size on a share of instances says something. */
const LEAST_INSTANCES = 10;
const LEAST_SERVICES = 3;

/**
 * Why a step from one view to the next looks like a fault of the catalog rather than of the services, or
 * `undefined` when it does not. Pure.
 *
 * An instance whose own checks fail is sick, not gone: that is normal life, also for most of them. Gone is
 * one that is not registered any more, or whose node or agent is given up, without another in its place.
 * Suspicious is that everything is gone at once; more than `maxDropPercent` of at least 10 instances across
 * at least 3 services; or that a service falls below the `minInstances` that it was asked to keep.
 */
export function suspicion(before: View, after: View, rules: GuardRules): string | undefined {
  const changed = changedIn(before, after);
  if (changed.length === 0) return undefined;
  if ([...after.values()].every((all) => countOf(all) === 0)) {
    const total = totalOf(before);
    return total > 1 ? `all ${total} instances vanished at once` : undefined;
  }
  return dropOf(before, after, { changed, rules }) ?? shortageOf(before, after, { changed, rules });
}

/** What is compared of two views, and by which rules. */
interface Comparison {
  /** Services of the first view whose instances differ in the second. */
  readonly changed: readonly string[];
  readonly rules: GuardRules;
}

function dropOf(
  before: View,
  after: View,
  { changed, rules: { maxDropPercent } }: Comparison,
): string | undefined {
  const gone = changed.map((name) => goneOf(before.get(name) ?? {}, after.get(name) ?? {}));
  const lost = gone.reduce((sum, it) => sum + it, 0);
  if (lost === 0) return undefined;
  const services = gone.filter((it) => it > 0).length;
  const total = totalOf(before);
  const isMuch = lost * 100 > total * maxDropPercent;
  if (total < LEAST_INSTANCES || services < LEAST_SERVICES || !isMuch) return undefined;
  return `${lost} of ${total} instances of ${services} services are gone at once`;
}

/** How many are gone, less those that took their place: a redeploy that replaces all loses none. */
function goneOf(before: Statuses, after: Statuses): number {
  const isThere = (all: Statuses, name: string) =>
    Object.hasOwn(all, name) && all[name] !== "unreachable";
  const lost = Object.keys(before).filter((it) => isThere(before, it) && !isThere(after, it));
  const won = Object.keys(after).filter((it) => isThere(after, it) && !isThere(before, it));
  return Math.max(0, lost.length - won.length);
}

function shortageOf(
  before: View,
  after: View,
  { changed, rules: { minInstances } }: Comparison,
): string | undefined {
  for (const name of changed.toSorted()) {
    const least = minInstances[name] ?? minInstances["*"] ?? 0;
    const [was, is] = [healthyOf(before.get(name)), healthyOf(after.get(name))];
    if (was >= least && is < least) {
      return `"${name}" would have ${is} passing instances, and guard.minInstances asks for ${least}`;
    }
  }
  return undefined;
}
