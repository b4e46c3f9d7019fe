import type { PipelineEvents } from "./report/log-events.ts";

/** Some of what a {@link PipelineEvents} is told. */
export type EventListener = Partial<PipelineEvents>;

/** Tells each of `observers`, in this order. */
export function joinListeners(observers: readonly EventListener[]): PipelineEvents {
  const each =
    <K extends keyof PipelineEvents>(event: K) =>
    (...told: Parameters<PipelineEvents[K]>): void => {
      for (const it of observers)
        (it[event] as ((...all: unknown[]) => void) | undefined)?.(...told);
    };
  return {
    waiting: each("waiting"),
    complete: each("complete"),
    templateRefused: each("templateRefused"),
    leftOut: each("leftOut"),
    released: each("released"),
    held: each("held"),
    letGo: each("letGo"),
    damped: each("damped"),
    outcome: each("outcome"),
    resumed: each("resumed"),
    willRetry: each("willRetry"),
    drainLimited: each("drainLimited"),
    superseded: each("superseded"),
    reconciled: each("reconciled"),
    stop: each("stop"),
  };
}
