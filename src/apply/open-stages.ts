import type { CatalogStore } from "../catalog/store.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import type { Config } from "../config/schema.ts";
import type { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { FileTemplate } from "../template/proxy-templates.ts";
import { type Attempts, createAttempts } from "./attempts.ts";
import { type ControlFile, openControl, pinnedBy } from "./control.ts";
import { type History, openHistory } from "./history.ts";
import { joinReports, type Observer } from "./join-reports.ts";
import { type LiveState, openLiveState } from "./live-state.ts";
import { createLooks, type Looks } from "./looks.ts";
import type { ProxyDriver } from "./proxy-driver.ts";
import type { ObservedProxy } from "./proxy-status.ts";
import { createRenderer, type Renderer } from "./renderer.ts";
import { createReport, type Report } from "./report.ts";
import { createRestraints, type Restraints } from "./restraints.ts";
import { createSchedule } from "./schedule.ts";
import { trackStatus } from "./track-status.ts";

/** What a pipeline is made of. */
export interface PipelineParts {
  readonly proxy: ProxyConfig;
  readonly config: Pick<Config, "values" | "environment" | "state" | "history">;
  /** Or why they cannot be used: then nothing is done until others are set. */
  readonly templates: readonly FileTemplate[] | AppError;
  readonly store: CatalogStore;
  readonly driver: ProxyDriver;
  /** Told of all that becomes of the proxy, beside the log. */
  readonly observers: readonly Observer[];
  readonly log: Log;
}

/** The stages that a change passes on its way to one proxy, and what they are told of. */
export interface Stages {
  readonly state: LiveState;
  readonly control: ControlFile;
  readonly history: History;
  readonly looks: Looks;
  readonly renderer: Renderer;
  readonly restraints: Restraints;
  readonly attempts: Attempts;
  readonly report: Report;
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
  const renderer = createRenderer({ ...parts, report: () => report, owns: state.owns, now });
  const restraints = createRestraints(proxy, { report: () => report, now });
  const status = trackStatus({ proxy, state, store, driver, control, renderer, restraints });
  const saying = createReport(log, () => store.failures());
  const report: Report = joinReports([saying, status, history.observer, ...parts.observers]);
  const attempts = createAttempts({ driver, state, schedule, report, log });
  const looks = createLooks(schedule, {
    lookAgainAtMs: () =>
      control.now().mode === "following"
        ? restraints.lookAgainAtMs(renderer.nextTryAtMs())
        : undefined,
  });
  return {
    state,
    control,
    history,
    looks,
    renderer,
    restraints,
    attempts,
    report,
    status: status.status,
  };
}
