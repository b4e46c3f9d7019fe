import type { Query } from "../catalog/query.ts";
import type { AppError } from "../errors.ts";
import type { Output } from "../template/render/render-files.ts";
import type { Rendered } from "../template/render/render-proxy.ts";
import type { GenerationResult } from "./generation-result.ts";
import type { LetGo } from "./guard/guard.ts";
import type { Loss } from "./guard/loss-words.ts";
import type { SharedAddress } from "./in-force/address-claims.ts";
import type { PinnedQuery } from "./in-force/pinned-queries.ts";
import type { Generation } from "./proxy-driver.ts";
import type { ReconcileResult } from "./proxy-status.ts";
import type { Released } from "./quarantine/quarantine.ts";
import type { IsolatedFault } from "./quarantine/record-faults.ts";
import type { Cause } from "./report/cause.ts";
import type { DampedInstance } from "./schedule/flap-damping.ts";
import type { DriftedFile } from "./state/live-state.ts";

/** What happens to one proxy. A state is an event when it begins, not at each reconcile. */
export interface PipelineEvents {
  /** The render misses answers. The log names them after 5 s, and then every minute. */
  waiting(missing: ReadonlyMap<string, Query>): void;
  /** The render is complete. */
  complete(rendered: Pick<Rendered, "id" | "asked" | "problems">): void;
  templateRefused(error: AppError): void;
  /** A part of the catalog is left out, or goes on with what is in force of it. Logged once for the same reason. */
  isolated(fault: IsolatedFault): void;
  /** Parts are used again. */
  released(parts: readonly Released[]): void;
  /** The first generation replaces files that Fairlead did not write. */
  formerKept(files: FormerFiles): void;
  /** Servers that were taken out of older answers, as another service has their address now, such as `web 10.0.0.1:80`. */
  serversDropped(servers: ReadonlySet<string>): void;
  /** Addresses that more than one service is registered at: either may answer for the other. */
  sharedAddresses(addresses: readonly SharedAddress[]): void;
  /** Files in place were changed by somebody else: they are put right. */
  drifted(files: readonly DriftedFile[]): void;
  /** Queries begin or cease to go on with older answers, for other reasons than a fault of a part. */
  pinned(queries: readonly PinnedQuery[]): void;
  /** The guard holds a change back, or with `isShadow` only says that it would. */
  held(hold: Hold): void;
  /** What was held is let go live. */
  letGo(why: LetGo): void;
  /** An instance begins or ceases to be left out as it flaps. */
  damped(instance: DampedInstance, isDamped: boolean): void;
  applied(
    generation: Generation,
    result: GenerationResult,
    made: { readonly cause: Cause; readonly outputs: readonly Output[] },
  ): void;
  /** A generation that an earlier process did not see to its end. */
  resumed(generation: Generation, result: GenerationResult): void;
  willRetry(inMs: number): void;
  /** One reconcile of the proxy ended. */
  reconciled(result: ReconcileResult): void;
  /** A change waits because so many old workers drain. Said once until one goes live. */
  drainLimited(draining: number): void;
  superseded(generation: Generation): void;
  /** Ends all timers. */
  stop(): void;
}

interface Hold extends Loss {
  /** How long at most, from now on. */
  readonly forMs: number;
  readonly isShadow: boolean;
}

/** Files that were there before Fairlead wrote its first generation over them. */
export interface FormerFiles {
  /** Those that are kept as generation 0 of the history. */
  readonly kept: readonly string[];
  /** Copies of those that are no text in UTF-8, which a generation cannot hold. */
  readonly copies: readonly string[];
}

/** Hears some of the events of one proxy. */
export type EventListener = Partial<PipelineEvents>;

/** Every event; one that is missing here does not compile. */
const EVENTS: Readonly<Record<keyof PipelineEvents, true>> = {
  waiting: true,
  complete: true,
  templateRefused: true,
  isolated: true,
  released: true,
  formerKept: true,
  serversDropped: true,
  sharedAddresses: true,
  drifted: true,
  pinned: true,
  held: true,
  letGo: true,
  damped: true,
  applied: true,
  resumed: true,
  willRetry: true,
  reconciled: true,
  drainLimited: true,
  superseded: true,
  stop: true,
};

export const EVENT_NAMES = Object.keys(EVENTS) as readonly (keyof PipelineEvents)[];

/** Passes every event to each of `listeners`, in this order. */
export const joinListeners = (listeners: readonly EventListener[]): PipelineEvents =>
  passEvents((pass) => {
    for (const it of listeners) pass(it);
  });

/** Passes every event to a listener that is still being made: in order, once it is there. */
export const deferListener = (making: Promise<EventListener>): PipelineEvents =>
  passEvents((pass) => void making.then(pass));

/** @param deliver called with each event, as a function that passes it to a listener */
function passEvents(deliver: (pass: (listener: EventListener) => void) => void): PipelineEvents {
  const entries = EVENT_NAMES.map((name) => [
    name,
    (...details: readonly unknown[]) =>
      deliver((listener) => {
        (listener[name] as ((...all: readonly unknown[]) => void) | undefined)?.(...details);
      }),
  ]);
  return Object.fromEntries(entries) as PipelineEvents;
}
