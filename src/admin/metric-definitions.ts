import type { ProxyStatus } from "../apply/proxy-status.ts";

/** A metric of Fairlead's own, in the terms of Prometheus. */
export interface MetricDefinition {
  readonly name: `fairlead_${string}`;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Each label's name, with the values that it takes. */
  readonly labels: Readonly<Record<string, string>>;
  readonly unit?: "seconds";
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** A metric that is read from a proxy's status whenever the metrics are read. */
export interface StatusGauge extends MetricDefinition {
  readonly type: "gauge";
  readonly value: (status: ProxyStatus) => number;
}

const PROXY_LABEL = { proxy: "the proxy's name in the config" };

export const BUILD_INFO = {
  name: "fairlead_build_info",
  type: "gauge",
  help: "Always 1. The label names the version.",
  labels: { version: "Fairlead's version" },
} as const satisfies MetricDefinition;

export const START_TIME = {
  name: "fairlead_start_time_seconds",
  type: "gauge",
  help: "Unix time at which this daemon started.",
  labels: {},
  unit: "seconds",
} as const satisfies MetricDefinition;

export const GENERATIONS = {
  name: "fairlead_generations_total",
  type: "counter",
  help: "Attempts to make a generation live.",
  labels: { ...PROXY_LABEL, result: "`live`, `refused` or `failed`" },
} as const satisfies MetricDefinition;

export const STEP_DURATION = {
  name: "fairlead_step_duration_seconds",
  type: "histogram",
  help: "Duration of each step of an attempt to make a generation live.",
  labels: {
    ...PROXY_LABEL,
    step: "`stage`, `check`, `swap`, `reload`, `prove` or `restore`",
  },
  unit: "seconds",
  // From a small file to a large VCL that the C compiler takes minutes for.
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
} as const satisfies MetricDefinition;

export const GUARD_HOLDS = {
  name: "fairlead_guard_holds_total",
  type: "counter",
  help: "Suspicious changes that the guard held, or in shadow mode only reported.",
  labels: { ...PROXY_LABEL, mode: "`enforced` or `shadow`" },
} as const satisfies MetricDefinition;

export const LEFT_OUT = {
  name: "fairlead_left_out",
  type: "gauge",
  help: "Parts of the catalog that are left out of the proxy's files.",
  labels: { ...PROXY_LABEL, kind: "`instance`, `service`, `node`, `key` or `answer`" },
} as const satisfies MetricDefinition;

const statusGauge = (
  name: MetricDefinition["name"],
  help: string,
  value: StatusGauge["value"],
): StatusGauge => ({
  name,
  type: "gauge",
  help,
  value,
  labels: PROXY_LABEL,
  ...(name.endsWith("_seconds") ? { unit: "seconds" } : {}),
});

export const STATUS_GAUGES: readonly StatusGauge[] = [
  statusGauge(
    "fairlead_served",
    "1 while the proxy is proved to serve its live generation, else 0.",
    ({ isServed }) => Number(isServed),
  ),
  statusGauge(
    "fairlead_live_generation",
    "Number of the live generation; 0 before the first.",
    ({ live }) => live?.number ?? 0,
  ),
  statusGauge(
    "fairlead_live_generation_timestamp_seconds",
    "Unix time at which the live generation went live; 0 before the first.",
    ({ live }) => toUnixSeconds(live?.at),
  ),
  statusGauge(
    "fairlead_lag_seconds",
    "Time for which the live generation has differed from the desired one; 0 while they are the same.",
    ({ lagMs }) => lagMs / 1_000,
  ),
  statusGauge(
    "fairlead_waiting_queries",
    "Queries without an answer, for which the render waits.",
    ({ waitingFor }) => waitingFor.length,
  ),
  statusGauge(
    "fairlead_disconnected_queries",
    "Queries whose last attempt failed. Their last answers stay in force.",
    ({ disconnected }) => disconnected.length,
  ),
  statusGauge(
    "fairlead_pinned_queries",
    "Queries and parts of the catalog that go on with older answers.",
    ({ pinned }) => pinned.length,
  ),
  statusGauge(
    "fairlead_fallback_catalog_timestamp_seconds",
    "Unix time at which the fallback catalog in use was saved; 0 while none is in use.",
    ({ fallbackSince }) => toUnixSeconds(fallbackSince),
  ),
  statusGauge(
    "fairlead_templates_refused",
    "1 while the saved templates cannot be used, else 0. The templates read before stay in force.",
    ({ templateFault }) => Number(templateFault !== undefined),
  ),
  statusGauge("fairlead_held", "1 while the guard holds a change, else 0.", ({ held }) =>
    Number(held !== undefined),
  ),
  statusGauge(
    "fairlead_paused",
    "1 while an operator has paused the proxy, else 0.",
    ({ control }) => Number(control.mode === "paused"),
  ),
  statusGauge(
    "fairlead_rolled_back",
    "1 while the proxy serves an earlier generation for an operator, else 0.",
    ({ control }) => Number(control.mode === "rolled-back"),
  ),
  statusGauge(
    "fairlead_damped_instances",
    "Instances that are left out because they flap.",
    ({ damped }) => damped.length,
  ),
  statusGauge(
    "fairlead_draining_workers",
    "Old workers that still serve their last connections.",
    ({ draining }) => draining,
  ),
  statusGauge(
    "fairlead_route_problems",
    "Entries of routes that are not used.",
    ({ problems }) => problems.length,
  ),
];

const toUnixSeconds = (time: string | undefined): number =>
  time === undefined ? 0 : Date.parse(time) / 1_000;

/** Every metric of Fairlead's own. Node's (`process_*`, `nodejs_*`) come beside them. */
export const METRIC_DEFINITIONS: readonly MetricDefinition[] = [
  BUILD_INFO,
  START_TIME,
  GENERATIONS,
  STEP_DURATION,
  GUARD_HOLDS,
  LEFT_OUT,
  ...STATUS_GAUGES,
];
