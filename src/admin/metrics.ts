import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { EventListener } from "../apply/pipeline-events.ts";
import type { ProxyStatus } from "../apply/proxy-status.ts";

/** What Prometheus is told. */
export interface Metrics {
  readonly contentType: string;
  /** All metrics in Prometheus' text format, with what the statuses say now. */
  text(proxies: readonly ProxyStatus[]): Promise<string>;
  /** Counts what becomes of one proxy. */
  observe(proxy: string): EventListener;
}

/** How often it is looked how late the event loop is: 100 times a second, as is usual, takes half a percent of a core. */
const LOOP_SAMPLE_MS = 100;
/** From a small file to a large VCL that gcc compiles. */
const STEP_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function createMetrics(version: string): Metrics {
  const registers = [new Registry()];
  const [registry = new Registry()] = registers;
  const labelNames = ["proxy"] as const;
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_SAMPLE_MS });
  new Gauge({
    name: "fairlead_start_time_seconds",
    help: "When this daemon started, as Unix time",
    registers,
  }).setToCurrentTime();
  new Gauge({
    name: "fairlead_build_info",
    help: "Always 1; the version is a label",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  const generations = new Counter({
    name: "fairlead_generations_total",
    help: "Attempts to make a generation live, by how they ended",
    labelNames: ["proxy", "result"],
    registers,
  });
  const steps = new Histogram({
    name: "fairlead_step_duration_seconds",
    help: "How long each step of an attempt took",
    labelNames: ["proxy", "step"],
    buckets: STEP_BUCKETS_S,
    registers,
  });
  const suspicions = new Counter({
    name: "fairlead_suspicions_total",
    help: "Changes that the guard found suspicious: held, or in shadow mode only said",
    labelNames: ["proxy", "mode"],
    registers,
  });
  const gauges = Object.entries(GAUGES).map(([name, { help, value }]) => ({
    gauge: new Gauge({ name, help, labelNames, registers }),
    value,
  }));
  const leftOut = new Gauge({
    name: "fairlead_left_out",
    help: "Parts of the catalog that are left out of the proxy's files, by kind",
    labelNames: ["proxy", "kind"],
    registers,
  });

  return {
    contentType: registry.contentType,
    async text(proxies) {
      leftOut.reset();
      for (const { gauge } of gauges) gauge.reset();
      for (const status of proxies) {
        for (const { gauge, value } of gauges) gauge.set({ proxy: status.name }, value(status));
        for (const { kind } of status.leftOut) leftOut.inc({ proxy: status.name, kind });
      }
      return await registry.metrics();
    },
    observe(proxy) {
      /** A hold is told of at each look, and counted once. */
      let isSuspicious = false;
      return {
        held({ isShadow }) {
          if (!isSuspicious) suspicions.inc({ proxy, mode: isShadow ? "shadow" : "held" });
          isSuspicious = true;
        },
        letGo() {
          isSuspicious = false;
        },
        templateRefused: () => generations.inc({ proxy, result: "refused" }),
        applied(_, { kind, timings }) {
          if (kind === "live") isSuspicious = false;
          generations.inc({ proxy, result: kind });
          for (const [step, ms] of Object.entries(timings)) {
            steps.observe({ proxy, step: step.replace(/Ms$/, "") }, ms / 1_000);
          }
        },
      };
    },
  };
}

/** What is read off a proxy's status whenever it is asked. */
const GAUGES: Readonly<
  Record<`fairlead_${string}`, { help: string; value: (status: ProxyStatus) => number }>
> = {
  fairlead_served: {
    help: "1 while the proxy is proved to serve its live generation",
    value: ({ isServed }) => Number(isServed),
  },
  fairlead_live_generation: {
    help: "Number of the generation that went live last; 0 before the first",
    value: ({ live }) => live?.number ?? 0,
  },
  fairlead_live_since_seconds: {
    help: "When that generation went live, as Unix time; 0 before the first",
    value: ({ live }) => (live === undefined ? 0 : Date.parse(live.at) / 1_000),
  },
  fairlead_lag_seconds: {
    help: "For how long what is live has not been what is desired; 0 while it is",
    value: ({ lagMs }) => lagMs / 1_000,
  },
  fairlead_waiting_queries: {
    help: "Queries without an answer, which the render waits for",
    value: ({ waitingFor }) => waitingFor.length,
  },
  fairlead_disconnected_queries: {
    help: "Queries whose last attempt failed; their last answers stay in force",
    value: ({ disconnected }) => disconnected.length,
  },
  fairlead_fallback_saved_seconds: {
    help: "When the catalog was saved that stands in for Consul's, as Unix time; 0 while none does",
    value: ({ fallbackSince }) =>
      fallbackSince === undefined ? 0 : Date.parse(fallbackSince) / 1_000,
  },
  fairlead_draining_workers: {
    help: "Old workers that still serve their last connections",
    value: ({ draining }) => draining,
  },
  fairlead_templates_refused: {
    help: "1 while the templates on the disk cannot be used; those read before stay in force",
    value: ({ templateFault }) => Number(templateFault !== undefined),
  },
  fairlead_held: {
    help: "1 while the guard holds a change back",
    value: ({ held }) => Number(held !== undefined),
  },
  fairlead_paused: {
    help: "1 while an operator has paused the proxy",
    value: ({ control }) => Number(control.mode === "paused"),
  },
  fairlead_rolled_back: {
    help: "1 while an operator has it serve an earlier generation",
    value: ({ control }) => Number(control.mode === "rolled-back"),
  },
  fairlead_damped_instances: {
    help: "Instances that are left out as they flap",
    value: ({ damped }) => damped.length,
  },
  fairlead_pinned_queries: {
    help: "Parts and queries that go on with older answers",
    value: ({ pinned }) => pinned.length,
  },
  fairlead_route_problems: {
    help: "Entries of routes that are not used",
    value: ({ problems }) => problems.length,
  },
};
