import type { Report } from "./report.ts";

/** Some of what a {@link Report} is told. */
export type Observer = Partial<Report>;

/** Tells each of `observers`, in this order. */
export function joinReports(observers: readonly Observer[]): Report {
  const each =
    <K extends keyof Report>(event: K) =>
    (...told: Parameters<Report[K]>): void => {
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
    crowded: each("crowded"),
    superseded: each("superseded"),
    looked: each("looked"),
    stop: each("stop"),
  };
}
