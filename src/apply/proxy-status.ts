import type { Part } from "../catalog/part.ts";
import type { KindName } from "../config/proxy-schema.ts";
import type { RouteProblem } from "../route/route.ts";
import type { SharedAddress } from "./in-force/address-claims.ts";
import type { DampedInstance } from "./schedule/flap-damping.ts";
import type { Control } from "./state/control.ts";

/** How one reconcile of a proxy ended. */
export type ReconcileResult =
  | "live"
  | "unchanged"
  | "waiting"
  | "held"
  | "paused"
  | "refused"
  | "failed"
  | "superseded";

/**
 * What is known of one proxy now: what the admin address shows.
 *
 * Times are ISO 8601. What is absent is not the case.
 */
export interface ProxyStatus {
  readonly name: string;
  readonly kind: KindName;
  /** How the last reconcile ended; `starting` before the first has. */
  readonly result: ReconcileResult | "starting";
  /** What an operator wants of it. */
  readonly control: Control;
  /** The generation that went live last. */
  readonly live?: { readonly number: number; readonly id: string; readonly at: string };
  /** Whether the running proxy was proved, by this process, to serve `live`. */
  readonly isServed: boolean;
  /** What the catalog and the templates make now; absent before the first complete render. */
  readonly desired?: { readonly id: string };
  /** For how long `live` has not been what is desired, in milliseconds; 0 while it is. */
  readonly lagMs: number;
  /** Queries without an answer, which the render waits for, by canonical text. */
  readonly waitingFor: readonly string[];
  /** The change that the guard holds back. */
  readonly held?: { readonly reason: string; readonly until: string };
  /** Parts of the catalog that are left out of the files, and why. */
  readonly leftOut: readonly PartStatus[];
  /** Parts and queries that go on with older answers, and why. */
  readonly pinned: readonly PinStatus[];
  /** Instances that are left out as they flap. */
  readonly damped: readonly DampedInstance[];
  /** Queries whose last attempt failed: their last answers stay in force. */
  readonly disconnected: readonly {
    readonly query: string;
    readonly reason: string;
    readonly hint: string;
  }[];
  /** When the fallback catalog was saved, which is used as the source has not answered since the start. */
  readonly fallbackSince?: string;
  /** Addresses that more than one service is registered at: either may answer for the other. */
  readonly sharedAddresses: readonly SharedAddress[];
  /** How many old workers still serve their last connections. */
  readonly draining: number;
  /** Entries of routes that are not used, and why. */
  readonly problems: readonly RouteProblem[];
  /** Why the last attempt did not go live; absent once one did. */
  readonly lastError?: {
    readonly result: "refused" | "failed";
    readonly message: string;
    readonly hint: string;
    readonly at: string;
  };
  /** Why the templates on the disk cannot be used: the ones read before stay in force. */
  readonly templateFault?: { readonly message: string; readonly hint: string };
  /** When what did not go live is tried again, though nothing changes. */
  readonly retryAt?: string;
}

/** A part of the catalog whose newest data the proxy does not use. */
export type PartStatus = Part & {
  /** The entry at fault, such as `meta title="x"`, where it was found. */
  readonly field?: string;
  readonly reason: string;
  readonly hint: string;
  readonly since: string;
};

/** What goes on with an older answer: a part, or a query as a whole, named by its text. */
type PinStatus =
  | PartStatus
  | {
      readonly kind: "query";
      readonly query: string;
      readonly reason: string;
      readonly hint: string;
      readonly since: string;
    };

/** One proxy as operators see it. */
export interface ObservedProxy {
  status(): ProxyStatus;
}
