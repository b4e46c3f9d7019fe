import { applyGeneration } from "./apply/apply-generation.ts";
import { blameCheck, explainRefusal } from "./apply/blame-check.ts";
import { causeOf, changeText } from "./apply/cause.ts";
import { openControl } from "./apply/control.ts";
import type { ControlledProxy } from "./apply/controlled-proxy.ts";
import { createCrowd } from "./apply/crowd.ts";
import { createDamper } from "./apply/damper.ts";
import { directProxy, readGeneration } from "./apply/direct-proxy.ts";
import type { Outcome, Plan } from "./apply/generation-outcome.ts";
import { createGuard, guardOptions } from "./apply/guard.ts";
import { openHistory } from "./apply/history.ts";
import { joinReports, type Observer } from "./apply/join-reports.ts";
import { createLack } from "./apply/lack.ts";
import { openLiveState } from "./apply/live-state.ts";
import { createLooks } from "./apply/looks.ts";
import { abandonWhenOutdated } from "./apply/outdated-check.ts";
import type { ProxyDriver } from "./apply/proxy-driver.ts";
import type { Fate } from "./apply/proxy-status.ts";
import { createQuarantine } from "./apply/quarantine.ts";
import { createReport } from "./apply/report.ts";
import { makeWhole, resumeGeneration } from "./apply/resume-generation.ts";
import { createSchedule } from "./apply/schedule.ts";
import { trackStatus } from "./apply/track-status.ts";
import { type View, viewOf } from "./apply/view.ts";
import type { Snapshot } from "./catalog/snapshot.ts";
import type { CatalogStore } from "./catalog/store.ts";
import type { ProxyConfig } from "./config/proxy-schema.ts";
import type { Config } from "./config/schema.ts";
import { AppError } from "./errors.ts";
import type { Log } from "./log.ts";
import type { BlameOptions, ServiceFault } from "./template/blame.ts";
import { createFragmentMemory } from "./template/fragments.ts";
import type { FileTemplate } from "./template/proxy-templates.ts";
import type { Rendered, Waiting } from "./template/render-proxy.ts";
import { renderWell } from "./template/render-well.ts";

/** One proxy being kept up to date. */
export interface Pipeline extends ControlledProxy {
  /**
   * Follows the catalog until `signal` aborts.
   *
   * @param onFate told how each look ended
   * @throws the signal's reason, once aborted. Anything else is a bug.
   */
  run(signal: AbortSignal, onFate: (fate: Fate) => void): Promise<never>;
  /** Uses other templates from now on. With the reason why they cannot be used, it keeps those that it has. */
  setTemplates(templates: readonly FileTemplate[] | AppError): void;
}

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

/**
 * The whole program for one proxy. For each new snapshot: render → guard → same bytes? stop → stage →
 * check → swap → reload → prove → record. An operator may stop that, or have it serve an earlier generation.
 *
 * @throws {AppError} SWAP when the state directory cannot be used
 */
export async function createPipeline(parts: PipelineParts): Promise<Pipeline> {
  const { proxy, config, store, driver, log } = parts;
  const now = () => performance.now();
  const schedule = createSchedule(proxy.settle, { now, random: Math.random });
  const state = await openLiveState(config.state, proxy.name);
  const control = openControl(config.state, proxy.name);
  const history = openHistory({
    state: config.state,
    proxy: proxy.name,
    keep: config.history,
    pinned: () => heldGeneration(),
    log,
  });
  const looks = createLooks();
  let templates: readonly FileTemplate[] | undefined;
  let templateFault: AppError | undefined;
  /** What the live generation was made from: other templates may well see another part of the catalog. */
  let live: BlameOptions | undefined;
  const lack = createLack();
  const quarantine = createQuarantine();
  const memory = createFragmentMemory();
  const failures = () => store.failures();
  const guard = createGuard(guardOptions(proxy.guard), {
    onLetGo: (why) => report.letGo(why),
    onShadow: (reason) => report.held({ reason, forMs: 0, isShadow: true }),
  });
  const { damp } = proxy.guard;
  const damper = damp && createDamper(damp, (it, isDamped) => report.damped(it, isDamped));
  const status = trackStatus({
    proxy,
    state,
    failures,
    quarantined: quarantine.list,
    damped: () => damper?.list() ?? [],
    control: control.now,
    standsInSince: store.standsInSince,
    draining: () => driver.draining(),
    templateFault: () => templateFault,
  });
  const report = joinReports([
    createReport(log, failures),
    status,
    history.observer,
    ...parts.observers,
  ]);
  const directed = directProxy({
    control,
    guard,
    history,
    liveId: () => state.live?.id,
    files: proxy.files,
    look() {
      const next = looks.next();
      schedule.changed();
      return next;
    },
  });
  const crowd = createCrowd(proxy.settle.maxDraining);
  /** The last one was given up for newer changes: the next one is not, so that some go live in any storm. */
  let wasSuperseded = false;
  takeTemplates(parts.templates);

  return {
    ...directed,
    status: status.status,
    setTemplates(next) {
      if (!takeTemplates(next)) return;
      lack.forget();
      quarantine.clear();
      schedule.changed();
    },
    async run(signal, onFate) {
      const unsubscribe = store.onChange(() => schedule.changed());
      try {
        await makeWhole(state.interrupted(), state.journal);
        await driver.open(state.live);
        driver.watch(lost, signal);
        schedule.changed();
        for (;;) {
          await schedule.due(signal, wakeAtMs());
          looks.began();
          const fate = await look(signal);
          report.looked(fate);
          looks.ended(fate);
          onFate(fate);
        }
      } finally {
        unsubscribe();
        report.stop();
        looks.stop();
      }
    },
  };

  /** Returns whether they can be used. */
  function takeTemplates(loaded: readonly FileTemplate[] | AppError): boolean {
    templateFault = loaded instanceof AppError ? loaded : undefined;
    if (!(loaded instanceof AppError)) templates = loaded;
    return templateFault === undefined;
  }

  /** The files are as they were, but whether they are served is to be proved anew. */
  function lost(why: string): void {
    log.warn(`${why}; it is proved anew what it serves`);
    state.doubt();
    schedule.changed();
  }

  /** When to look though nothing changed. */
  function wakeAtMs(): number | undefined {
    if (control.now().mode !== "following") return undefined;
    // Whatever else is due would be put off as well.
    const putOffUntilMs = lack.lookAgainAtMs();
    if (putOffUntilMs !== undefined) return putOffUntilMs;
    const times = [
      guard.endsAtMs(),
      quarantine.nextTryAtMs(),
      damper?.endsAtMs(),
      crowd.lookAgainAtMs(),
    ].filter((it) => it !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  async function look(signal: AbortSignal): Promise<Fate> {
    if (!(await seeToEnd(signal))) return "failed";
    const generation = heldGeneration();
    return generation === undefined
      ? await bringUpToDate(signal)
      : await goBack(generation, signal);
  }

  /** The number of the generation that an operator went back to. */
  function heldGeneration(): number | undefined {
    const wanted = control.now();
    return wanted.mode === "rolled-back" ? wanted.generation : undefined;
  }

  async function bringUpToDate(signal: AbortSignal): Promise<Fate> {
    const snapshot = damper?.damped(store.snapshot(), now()) ?? store.snapshot();
    if (lack.persists(snapshot, now())) return "waiting";
    lack.forget();
    report.released(quarantine.release(snapshot, now()));
    const rendered = templates === undefined ? undefined : render(templates, snapshot);
    if (rendered === undefined) return "refused";

    store.want(proxy.name, rendered.asked);
    if (rendered.kind === "waiting") {
      lack.found(rendered.missing, now());
      report.waiting(rendered.missing);
      return "waiting";
    }
    report.complete(rendered);

    if (control.now().mode === "paused") {
      return state.isServed(rendered.id) ? "unchanged" : "paused";
    }

    const view = viewOf(snapshot, rendered.asked);
    const isSameTemplate = live === undefined || live.templates === templates;
    const before = isSameTemplate ? state.live?.view : undefined;
    const verdict = guard.look(before, view, now());
    if (verdict.kind === "listening") return "waiting";
    if (verdict.kind === "held") {
      const forMs = (guard.endsAtMs() ?? now()) - now();
      report.held({ reason: verdict.reason, forMs, isShadow: false });
      return "held";
    }

    if (state.isServed(rendered.id)) {
      state.sawView(view);
      guard.wentLive(before, now());
      live = source(templates ?? [], snapshot);
      return "unchanged";
    }
    const draining = driver.draining();
    if (!crowd.admits(draining, now())) {
      report.crowded(draining);
      return "waiting";
    }
    return await makeLive(rendered, { view, snapshot, signal });
  }

  /** A swap that a death interrupted comes first. Returns whether all files are of one generation then. */
  async function seeToEnd(signal: AbortSignal): Promise<boolean> {
    const entry = state.interrupted();
    if (entry === undefined) return true;
    const { journal, inPlace: previous } = state;
    const outcome = await resumeGeneration(entry, { driver, journal, previous, signal });
    const view = state.live?.view ?? {};
    report.resumed(entry.generation, outcome);
    await record(() => state.record(entry.generation, outcome, view));
    if (state.interrupted() !== undefined) report.willRetry(schedule.failed({ soon: false }));
    return state.interrupted() === undefined;
  }

  /** Services whose data no template can write are left out. `undefined` once a refusal was said. */
  function render(
    from: readonly FileTemplate[],
    snapshot: Snapshot,
  ): Rendered | Waiting | undefined {
    try {
      const { rendered, faults } = renderWell({ ...source(from, snapshot), memory }, (service) =>
        mayBlame(service, snapshot),
      );
      leaveOut(faults, { snapshot, asked: rendered.asked, byCheck: false });
      return { ...rendered, asked: new Map([...rendered.asked, ...quarantine.queries()]) };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      report.templateRefused(error);
      return undefined;
    }
  }

  async function makeLive(
    rendered: Rendered,
    from: { readonly view: View; readonly snapshot: Snapshot; readonly signal: AbortSignal },
  ): Promise<Fate> {
    schedule.applying();
    const { view, snapshot, signal } = from;
    const before = state.live?.view;
    const { journal, inPlace: previous } = state;
    const plan = await state.plan(rendered);
    const { outputs } = rendered;
    const made = source(templates ?? [], snapshot);
    const isNewerDue = () => !wasSuperseded && !plan.owesReload && schedule.isChangeDue();
    const check = abandonWhenOutdated(isNewerDue, signal);
    let outcome: Outcome;
    try {
      const work = { driver, plan, outputs, previous, journal, signal };
      outcome = await applyGeneration({ ...work, checkSignal: check.signal });
    } catch (error) {
      if (!check.isOutdated() || signal.aborted) throw error;
      wasSuperseded = true;
      report.superseded(plan.generation);
      return "superseded";
    } finally {
      check.stop();
    }
    wasSuperseded = false;
    if (outcome.fate === "refused") {
      const isSuspect = (service: string) => isNewToLive(service, snapshot);
      const refused = { driver, refusal: outcome, from: made, isSuspect, signal };
      const culprits = await blameCheck(refused);
      const faults = culprits?.faults ?? [];
      if (faults.every(({ service }) => mayBlame(service, snapshot))) {
        leaveOut(faults, { snapshot, asked: rendered.asked, byCheck: true });
        // The rest goes live at once.
        if (culprits?.isWell === true) {
          await record(() => state.record(plan.generation, outcome, view));
          return await bringUpToDate(signal);
        }
      }
    }
    const { asked } = rendered;
    const cause = causeOf(live, made, { asked, change: changeText(before, view) });
    report.outcome(plan.generation, explained(outcome, made), { cause, outputs });
    if (outcome.fate === "live") {
      guard.wentLive(before, now());
      live = made;
    }
    return await settled(plan, outcome, view);
  }

  /** Serves a generation of the history, whatever the catalog says. */
  async function goBack(number: number, signal: AbortSignal): Promise<Fate> {
    try {
      const { entry, outputs } = readGeneration(history, number, proxy.files);
      if (state.isServed(entry.id)) return "unchanged";
      schedule.applying();
      const { live: before, journal, inPlace: previous } = state;
      const plan = await state.plan({ id: entry.id, outputs });
      const outcome = await applyGeneration({ driver, plan, outputs, previous, journal, signal });
      const change = `back to generation ${number}`;
      const cause = { change, queries: [], isByTemplate: false, rollbackTo: number };
      report.outcome(plan.generation, outcome, { cause, outputs });
      return await settled(plan, outcome, before?.view ?? {});
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      report.templateRefused(error);
      return "refused";
    }
  }

  async function settled({ generation }: Plan, outcome: Outcome, view: View): Promise<Fate> {
    await record(() => state.record(generation, outcome, view));
    if (outcome.fate === "live") schedule.succeeded();
    else {
      const isDown = outcome.fate === "failed" && outcome.error.code === "PROXY_DOWN";
      report.willRetry(schedule.failed({ soon: isDown }));
    }
    return outcome.fate;
  }

  /** What a render is made from. */
  function source(from: readonly FileTemplate[], snapshot: Snapshot): BlameOptions {
    const { values, environment } = config;
    const { leftOut } = quarantine;
    return { templates: from, snapshot, proxy, values, environment, leftOut };
  }

  /** With a new template, a service that was live and has not changed is not at fault: the template is. */
  function mayBlame(service: string, snapshot: Snapshot): boolean {
    return live?.templates === templates || isNewToLive(service, snapshot);
  }

  /** Whether the live generation was made without the service, or from other data of it. */
  function isNewToLive(service: string, snapshot: Snapshot): boolean {
    if (live === undefined || live.leftOut?.has(service)) return true;
    const query = { kind: "service", name: service } as const;
    return live.snapshot.get(query) !== snapshot.get(query);
  }

  function leaveOut(
    faults: readonly ServiceFault[],
    from: Omit<Parameters<typeof quarantine.add>[1], "nowMs">,
  ): void {
    quarantine.add(faults, { ...from, nowMs: now() });
    for (const fault of faults) report.leftOut(fault);
  }

  /** A state directory that fails later is said, and does not end what works. */
  async function record(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.error({ err: error, hint: error.hint }, error.message);
    }
  }
}

const explained = (outcome: Outcome, from: BlameOptions): Outcome =>
  outcome.fate === "refused" ? { ...outcome, output: explainRefusal(outcome, from) } : outcome;
