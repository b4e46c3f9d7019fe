import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Loss } from "./loss-words.ts";
import { isAwaitingChecks, isRecovered, isRegistered, resetReason } from "./recovery.ts";
import { type GuardRules, suspicion } from "./suspicion.ts";
import type { View } from "./view.ts";

/** Why a change that was held is not any more. */
export type LetGo = "accepted" | "recovered" | "time";

/** `listening`: a moment's wait, to see whether more is lost. */
export type GuardVerdict =
  | { readonly kind: "pass" | "listening" }
  | { readonly kind: "held"; readonly loss: Loss };

/** A guard's options from the config. */
export const guardOptions = (config: ProxyConfig["guard"]): GuardOptions => ({
  rules: {
    maxDropPercent: Number.parseInt(config.maxDrop, 10),
    minInstances: config.minInstances,
  },
  holdMs: config.hold,
  isShadow: config.shadow,
});

/** Holds suspicious changes of one proxy back until they are explained, or for a time. */
export interface Guard {
  /**
   * Whether what is made from `after` may go live now.
   *
   * @param before what the live generation was made from
   */
  judge(before: View | undefined, after: View, nowMs: number): GuardVerdict;
  /** Lets what is held go live. Returns whether anything was held. */
  accept(): boolean;
  /** Notes that a generation went live in place of one that was made from `before`. */
  wentLive(before: View | undefined, nowMs: number): void;
  /** Forgets what was live in the last seconds: other templates see another part of the catalog. */
  forgetSteps(): void;
  /** When a hold ends by time, or to look again, in the clock of `nowMs`. */
  endsAtMs(): number | undefined;
}

export interface GuardOptions {
  readonly rules: GuardRules;
  readonly holdMs: number;
  /** Only reports what it would hold. */
  readonly isShadow: boolean;
}

/** What becomes of suspicious changes. */
export interface GuardEvents {
  /** A hold ends. */
  readonly onLetGo: (why: LetGo) => void;
  /** In shadow mode: a change would be held. */
  readonly onShadow: (loss: Loss) => void;
}

/** A change that is held. */
interface Hold {
  /** When the first loss was seen, and when the last one. */
  readonly sinceMs: number;
  readonly lossMs: number;
  /** Since when all are registered again, and only their first checks are missing. */
  readonly registeredMs: number | undefined;
  /** Whether what is there now still looks like a loss. */
  readonly isSuspicious: boolean;
  /** Whether the first checks of services have not reported yet. */
  readonly isAwaitingChecks: boolean;
  readonly loss: Loss;
  readonly view: View;
}

/**
 * What goes live within this time is one step. Consul answers each query by itself: of a fault that takes all, the first
 * loss may be applied before the others are known.
 */
const STEP_MS = 5_000;
/** For the same reason the first loss of a service or an entry waits this long. */
const LISTEN_MS = 200;
/** What is registered again has its first check within this time, or is taken for what Consul says: critical. */
const FIRST_CHECK_MS = 60_000;
/** After so many times its time a hold ends at the first reconcile that shows no loss, however often there was another. */
const MOST_HOLDS = 3;
const PASS: GuardVerdict = { kind: "pass" };

export function createGuard(options: GuardOptions, { onLetGo, onShadow }: GuardEvents): Guard {
  const { rules, holdMs, isShadow } = options;
  let hold: Hold | undefined;
  /** A view that was let go: what comes after is compared with it, until it is live. */
  let passed: View | undefined;
  let listensUntilMs: number | undefined;
  let hasListened = false;
  /** What was live before each of the last changes, the oldest first. */
  let replaced: readonly { readonly view: View; readonly atMs: number }[] = [];

  return {
    judge(before, after, nowMs) {
      if (before === undefined) return PASS;
      if (passed !== undefined && isHarmless(passed, after)) return PASS;
      const suspicious = suspicionNow(before, after, nowMs);
      const loss = suspicious ?? resetReason(before, after);
      if (isShadow) {
        if (loss !== undefined) onShadow(loss);
        return PASS;
      }
      const held = loss ?? hold?.loss;
      if (held === undefined) return listen(before, after, nowMs);
      const isAnother = hold === undefined || !isHarmless(hold.view, after);
      const registeredMs = isAnother ? undefined : hold?.registeredMs;
      hold = {
        sinceMs: hold?.sinceMs ?? nowMs,
        lossMs: isAnother ? nowMs : (hold?.lossMs ?? nowMs),
        registeredMs: isRegistered(before, after) ? (registeredMs ?? nowMs) : undefined,
        isSuspicious: suspicious !== undefined,
        isAwaitingChecks: isAwaitingChecks(before, after),
        loss: held,
        view: after,
      };
      if (loss === undefined && isRecovered(before, after)) return letGo("recovered");
      if (nowMs >= endOf(hold)) return letGo("time");
      return { kind: "held", loss: held };
    },
    accept() {
      if (hold === undefined) return false;
      letGo("accepted");
      return true;
    },
    wentLive(before, nowMs) {
      passed = undefined;
      hold = undefined;
      hasListened = false;
      listensUntilMs = undefined;
      replaced = replaced.filter(isRecent(nowMs));
      if (before !== undefined) replaced = [...replaced, { view: before, atMs: nowMs }];
    },
    forgetSteps() {
      replaced = [];
    },
    endsAtMs() {
      return hold === undefined ? listensUntilMs : endOf(hold);
    },
  };

  /** What looks like another loss has all of its time before it; what does not, in the end, goes live all the same. */
  function endOf(hold: Hold): number {
    const { isSuspicious, sinceMs, lossMs, registeredMs = Infinity } = hold;
    const ownMs = lossMs + holdMs;
    if (isSuspicious) return ownMs;
    const firstCheckMs = registeredMs + FIRST_CHECK_MS;
    const mostMs = sinceMs + MOST_HOLDS * holdMs + (hold.isAwaitingChecks ? FIRST_CHECK_MS : 0);
    return Math.min(ownMs, firstCheckMs, mostMs);
  }

  function isHarmless(before: View, after: View): boolean {
    return (
      suspicion(before, after, rules) === undefined && resetReason(before, after) === undefined
    );
  }

  function suspicionNow(before: View, after: View, nowMs: number): Loss | undefined {
    const stepStart = replaced.find(isRecent(nowMs))?.view ?? before;
    const suspicious = suspicion(before, after, rules);
    if (suspicious !== undefined || stepStart === before) return suspicious;
    return suspicion(stepStart, after, rules);
  }

  function listen(before: View, after: View, nowMs: number): GuardVerdict {
    if (isRecovered(before, after)) hasListened = false;
    else if (!hasListened) {
      listensUntilMs ??= nowMs + LISTEN_MS;
      if (nowMs < listensUntilMs) return { kind: "listening" };
      hasListened = true;
    }
    listensUntilMs = undefined;
    return PASS;
  }

  function letGo(why: LetGo): GuardVerdict {
    if (why !== "recovered") passed = hold?.view;
    hold = undefined;
    listensUntilMs = undefined;
    onLetGo(why);
    return PASS;
  }
}

const isRecent =
  (nowMs: number) =>
  ({ atMs }: { readonly atMs: number }): boolean =>
    nowMs - atMs < STEP_MS;
