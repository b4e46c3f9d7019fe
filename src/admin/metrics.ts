import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { EventListener } from "../apply/pipeline-events.ts";
import type { ProxyStatus } from "../apply/proxy-status.ts";
import {
  BUILD_INFO,
  GENERATIONS,
  GUARD_HOLDS,
  LEFT_OUT,
  type MetricDefinition,
  START_TIME,
  STATUS_GAUGES,
  STEP_DURATION,
} from "./metric-definitions.ts";

/** The metrics of one daemon. */
export interface Metrics {
  readonly contentType: string;
  /** All metrics in Prometheus' text format, with the gauges as `proxies` are now. */
  text(proxies: readonly ProxyStatus[]): Promise<string>;
  /** Counts the events of one proxy. */
  listenerFor(proxy: string): EventListener;
}

/** How often the delay of the event loop is sampled: 100 times a second, as is usual, takes half a percent of a core. */
const LOOP_SAMPLE_MS = 100;

export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_SAMPLE_MS });
  new Gauge({ ...common(START_TIME), registers }).setToCurrentTime();
  new Gauge({ ...common(BUILD_INFO), registers }).set({ version }, 1);
  const leftOut = new Gauge({ ...common(LEFT_OUT), registers });
  const gauges = STATUS_GAUGES.map((definition) => ({
    gauge: new Gauge({ ...common(definition), registers }),
    value: definition.value,
  }));
  const counters: EventCounters = {
    generations: new Counter({ ...common(GENERATIONS), registers }),
    holds: new Counter({ ...common(GUARD_HOLDS), registers }),
    steps: new Histogram({
      ...common(STEP_DURATION),
      buckets: [...STEP_DURATION.buckets],
      registers,
    }),
  };

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
    listenerFor: (proxy) => countEvents(proxy, counters),
  };
}

const common = ({ name, help, labels }: MetricDefinition) => ({
  name,
  help,
  labelNames: Object.keys(labels),
});

interface EventCounters {
  readonly generations: Counter;
  readonly holds: Counter;
  readonly steps: Histogram;
}

function countEvents(proxy: string, { generations, holds, steps }: EventCounters): EventListener {
  /** The event of a hold comes with each reconcile; the hold counts once. */
  let isHeld = false;
  return {
    held({ isShadow }) {
      if (!isHeld) holds.inc({ proxy, mode: isShadow ? "shadow" : "enforced" });
      isHeld = true;
    },
    letGo() {
      isHeld = false;
    },
    templateRefused: () => generations.inc({ proxy, result: "refused" }),
    applied(_, { kind, timings }) {
      if (kind === "live") isHeld = false;
      generations.inc({ proxy, result: kind });
      for (const [step, ms] of Object.entries(timings)) {
        steps.observe({ proxy, step: step.replace(/Ms$/, "") }, ms / 1_000);
      }
    },
  };
}
