import type { Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import { createGuard, type Guard, guardOptions } from "../guard/guard.ts";
import type { View } from "../guard/view.ts";
import type { PipelineEvents } from "../pipeline-events.ts";
import { createDrainLimit } from "../schedule/drain-limit.ts";
import { createFlapDamping, type DampedInstance } from "../schedule/flap-damping.ts";
import { createMissingAnswers } from "../schedule/missing-answers.ts";

/**
 * What makes a change wait: instances that flap, answers that are missing, a guard that finds it suspicious, old
 * workers that drainLimit. Each is reported as an event.
 */
export interface Gates extends Pick<Guard, "accept"> {
  /** The snapshot without the instances that flap. */
  dampFlaps(snapshot: Snapshot): Snapshot;
  damped(): readonly DampedInstance[];
  /** Whether a render of the snapshot would still miss answers, and is put off. */
  isMissingAnswers(snapshot: Snapshot): boolean;
  /** Notes the answers that a render misses. */
  noteMissing(missing: ReadonlyMap<string, Query>): void;
  /** Forgets what other templates missed, and what was live of theirs. */
  useOtherTemplates(): void;
  /** What the guard says to going from one view to the next. */
  guard(before: View | undefined, after: View): "waiting" | "held" | undefined;
  /** Whether the guard holds a loss: what was lost is kept. */
  isHeld(): boolean;
  /** Whether so many old workers drain that an apply waits. */
  isDrainLimited(draining: number): boolean;
  /** Notes that what is wanted is live, in place of a generation that was made from `before`. */
  wentLive(before: View | undefined): void;
  /**
   * When to reconcile again though nothing changed, in the clock of `now`.
   *
   * @param triedAgainAtMs when a service that is left out may come back in
   */
  reconcileAtMs(triedAgainAtMs: number | undefined): number | undefined;
}

/** @param from.now a monotonic clock in milliseconds */
export function createGates(
  { name, guard: config, settle }: Pick<ProxyConfig, "name" | "guard" | "settle">,
  from: {
    readonly events: () => Pick<
      PipelineEvents,
      "letGo" | "held" | "damped" | "waiting" | "drainLimited"
    >;
    readonly now: () => number;
  },
): Gates {
  const { events, now } = from;
  const { damp } = config;
  const damper = damp && createFlapDamping(damp, (it, isDamped) => events().damped(it, isDamped));
  const missingAnswers = createMissingAnswers();
  const drainLimit = createDrainLimit(settle.maxDraining);
  const guard = createGuard(guardOptions(config), {
    onLetGo: (why) => events().letGo(why),
    onShadow: (loss) => events().held({ ...loss, forMs: 0, isShadow: true }),
  });

  let isHeld = false;

  return {
    accept: guard.accept,
    dampFlaps: (snapshot) => damper?.damped(snapshot, now()) ?? snapshot,
    damped: () => damper?.list() ?? [],
    isMissingAnswers(snapshot) {
      if (missingAnswers.persists(snapshot, now())) return true;
      missingAnswers.forget();
      return false;
    },
    noteMissing(missing) {
      missingAnswers.found(missing, now());
      events().waiting(missing);
    },
    useOtherTemplates() {
      missingAnswers.forget();
      guard.forgetSteps();
    },
    isHeld: () => isHeld,
    guard(before, after) {
      const verdict = guard.judge(before, after, now());
      isHeld = verdict.kind === "held";
      if (verdict.kind !== "held") return verdict.kind === "pass" ? undefined : "waiting";
      const forMs = (guard.endsAtMs() ?? now()) - now();
      const { subject, reason, hint } = verdict.loss;
      const accept = `${hint}; \`fairlead accept ${name}\` lets it go live at once`;
      events().held({ subject, reason, hint: accept, forMs, isShadow: false });
      return "held";
    },
    isDrainLimited(draining) {
      if (drainLimit.admits(draining, now())) return false;
      events().drainLimited(draining);
      return true;
    },
    wentLive(before) {
      guard.wentLive(before, now());
      drainLimit.forget();
    },
    reconcileAtMs(triedAgainAtMs) {
      // Whatever else is due would be put off as well.
      const putOffUntilMs = missingAnswers.retryAtMs();
      if (putOffUntilMs !== undefined) return putOffUntilMs;
      return earliest([
        triedAgainAtMs,
        guard.endsAtMs(),
        damper?.endsAtMs(),
        drainLimit.retryAtMs(),
      ]);
    },
  };
}

/** The first of some times, of those that are set. */
function earliest(times: readonly (number | undefined)[]): number | undefined {
  const set = times.filter((it) => it !== undefined);
  return set.length === 0 ? undefined : Math.min(...set);
}
