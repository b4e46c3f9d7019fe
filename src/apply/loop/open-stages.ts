import type { CatalogStore } from "../../catalog/store.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Config } from "../../config/schema.ts";
import type { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { FileTemplate } from "../../template/compile/proxy-templates.ts";
import { type Attempts, createAttempts } from "../generation/attempts.ts";
import type { PipelineEvents } from "../pipeline-events.ts";
import { type EventListener, joinListeners } from "../pipeline-events.ts";
import type { ProxyDriver } from "../proxy-driver.ts";
import type { ObservedProxy } from "../proxy-status.ts";
import { logEvents } from "../report/log-events.ts";
import { trackStatus } from "../report/track-status.ts";
import { createSchedule } from "../schedule/schedule.ts";
import { type ControlFile, openControl, pinnedBy } from "../state/control.ts";
import { type History, openHistory } from "../state/history.ts";
import { type LiveState, openLiveState } from "../state/live-state.ts";
import { openPinnedAnswers } from "../state/pinned-answers.ts";
import { createGates, type Gates } from "./gates.ts";
import { createReconcileLoop, type ReconcileLoop } from "./reconcile-loop.ts";
import { createRenderer, type Renderer } from "./renderer.ts";

/** What a pipeline is made of. */
export interface PipelineParts {
  readonly proxy: ProxyConfig;
  readonly config: Pick<Config, "values" | "environment" | "routes" | "state" | "history">;
  /** Or why they cannot be used: then nothing is done until others are set. */
  readonly templates: readonly FileTemplate[] | AppError;
  readonly store: CatalogStore;
  readonly driver: ProxyDriver;
  /** Told of all that becomes of the proxy, beside the log. */
  readonly listeners: readonly EventListener[];
  readonly log: Log;
}

/** The stages that a change passes on its way to one proxy, and the events that they report. */
export interface Stages {
  readonly state: LiveState;
  readonly control: ControlFile;
  readonly history: History;
  readonly reconcileLoop: ReconcileLoop;
  readonly renderer: Renderer;
  readonly gates: Gates;
  readonly attempts: Attempts;
  readonly events: PipelineEvents;
  readonly status: ObservedProxy["status"];
}

/** @throws {AppError} SWAP when the state directory cannot be used */
export async function openStages(parts: PipelineParts): Promise<Stages> {
  const { proxy, config, store, driver, log } = parts;
  const now = () => performance.now();
  const onUnusable = (error: AppError) => log.warn({ err: error, hint: error.hint }, error.message);
  const state = await openLiveState(config.state, proxy.name, onUnusable);
  const control = openControl(config.state, proxy.name, onUnusable);
  const history = openHistory({
    state: config.state,
    proxy: proxy.name,
    keep: config.history,
    pinned: () => pinnedBy(control.now()),
    onUnusable,
    log,
  });
  const schedule = createSchedule(proxy.settle, { now, random: Math.random });
  const pinned = openPinnedAnswers(config.state, proxy.name, onUnusable);
  const renderer = createRenderer({
    ...parts,
    pinned,
    events: () => events,
    owns: state.owns,
    now,
  });
  const gates = createGates(proxy, { events: () => events, now });
  const status = trackStatus({ proxy, state, store, driver, control, renderer, gates });
  const logging = logEvents(log, () => store.failures());
  const events: PipelineEvents = joinListeners([
    logging,
    status,
    history.listener,
    ...parts.listeners,
  ]);
  const attempts = createAttempts({ driver, state, schedule, events, log });
  const reconcileLoop = createReconcileLoop(schedule, {
    reconcileAtMs: () =>
      control.now().mode === "following" ? gates.reconcileAtMs(renderer.nextTryAtMs()) : undefined,
  });
  return {
    state,
    control,
    history,
    reconcileLoop,
    renderer,
    gates,
    attempts,
    events,
    status: status.status,
  };
}
