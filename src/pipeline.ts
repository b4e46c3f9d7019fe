import { explainRefusal } from "./apply/blame-check.ts";
import { causeOf, changeText } from "./apply/cause.ts";
import { pinnedBy } from "./apply/control.ts";
import type { ControlledProxy } from "./apply/controlled-proxy.ts";
import { directProxy } from "./apply/direct-proxy.ts";
import { fillHistory } from "./apply/fill-history.ts";
import { goBack } from "./apply/go-back.ts";
import { createOlderCatalog } from "./apply/older-catalog.ts";
import { openStages, type PipelineParts } from "./apply/open-stages.ts";
import type { Fate } from "./apply/proxy-status.ts";
import { type View, viewOf } from "./apply/view.ts";
import type { Snapshot } from "./catalog/snapshot.ts";
import type { AppError } from "./errors.ts";
import type { FileTemplate } from "./template/proxy-templates.ts";
import type { Rendered } from "./template/render-proxy.ts";

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

/**
 * The whole program for one proxy. For each new snapshot: render → guard → same bytes? stop → stage →
 * check → swap → reload → prove → record. An operator may stop that, or have it serve an earlier generation.
 *
 * @throws {AppError} SWAP when the state directory cannot be used
 */
export async function createPipeline(parts: PipelineParts): Promise<Pipeline> {
  const { proxy, store, driver, log } = parts;
  const stages = await openStages(parts);
  const { state, control, history, looks, renderer, restraints, attempts, report } = stages;
  const olderCatalog = createOlderCatalog({ store, state, history, files: proxy.files });
  let isHistoryFilled = false;

  return {
    ...directProxy({ ...stages, files: proxy.files }),
    status: stages.status,
    setTemplates(templates) {
      if (!renderer.use(templates)) return;
      olderCatalog.useAllTheSame();
      restraints.useOtherTemplates();
      looks.soon();
    },
    async run(signal, onFate) {
      const unsubscribe = store.onChange(looks.soon);
      try {
        await attempts.makeWhole();
        await driver.open(state.live);
        driver.watch(lost, signal);
        looks.soon();
        return await looks.run(async () => {
          const fate = await look(signal);
          report.looked(fate);
          onFate(fate);
          return fate;
        }, signal);
      } finally {
        unsubscribe();
        report.stop();
        looks.stop();
      }
    },
  };

  async function look(signal: AbortSignal): Promise<Fate> {
    if (!(await attempts.seeToEnd(signal))) return "failed";
    if (!isHistoryFilled) fillHistory(history, state.live, proxy);
    isHistoryFilled = true;
    const pinned = pinnedBy(control.now());
    const { files } = proxy;
    if (pinned !== undefined) return await goBack(pinned, stages, { files, signal });
    const kept = control.now().mode === "paused" ? undefined : olderCatalog.outdoneBy();
    if (kept === undefined) return await bringUpToDate(signal);
    const because = "it is newer than the last good catalog";
    return await goBack(kept, stages, { files, signal, because });
  }

  async function bringUpToDate(signal: AbortSignal): Promise<Fate> {
    const snapshot = restraints.calm(store.snapshot());
    if (restraints.isLacking(snapshot)) return "waiting";
    const rendered = renderer.render(snapshot);
    if (rendered === undefined) return "refused";

    store.want(proxy.name, rendered.asked);
    if (rendered.kind === "waiting") {
      restraints.lacks(rendered.missing);
      return "waiting";
    }
    report.complete(rendered);

    const isServed = state.isServed(rendered.id);
    if (control.now().mode === "paused") return isServed ? "unchanged" : "paused";

    const view = viewOf(snapshot, rendered.asked);
    const before = renderer.comparable(state.live?.view, { asked: rendered.asked, snapshot });
    const restraint = restraints.guard(before, view);
    if (restraint !== undefined) return restraint;

    if (isServed) {
      await attempts.sawView(view);
      restraints.wentLive(before);
      renderer.wentLive(renderer.source(snapshot), rendered.asked);
      return "unchanged";
    }
    if (restraints.isCrowded(driver.draining())) return "waiting";
    return await makeLive(rendered, { before, view, snapshot, signal });
  }

  async function makeLive(
    rendered: Rendered,
    from: {
      readonly before: View | undefined;
      readonly view: View;
      readonly snapshot: Snapshot;
      readonly signal: AbortSignal;
    },
  ): Promise<Fate> {
    const { view, snapshot, signal } = from;
    const { asked, outputs } = rendered;
    const origin = { view, catalogAtMs: store.standsInSince()?.getTime() ?? Date.now() };
    const wasLive = state.live?.view;
    const source = renderer.source(snapshot);
    const made = await attempts.make(rendered, { mayBeSuperseded: true, signal });
    if (made === undefined) return "superseded";
    const { generation, outcome } = made;
    if (outcome.fate === "refused") {
      const refused = { driver, refusal: outcome, from: source, asked, signal };
      if (await renderer.leaveOutCulprits(refused)) {
        await attempts.record(generation, outcome, origin);
        return await bringUpToDate(signal); // without the culprits, the rest goes live at once
      }
    }
    const explained =
      outcome.fate === "refused"
        ? { ...outcome, output: explainRefusal(outcome, source) }
        : outcome;
    const cause = causeOf(renderer.live(), source, { asked, change: changeText(wasLive, view) });
    report.outcome(generation, explained, { cause, outputs });
    if (outcome.fate === "live") {
      restraints.wentLive(from.before);
      renderer.wentLive(source, asked);
    }
    return await attempts.settle(generation, outcome, origin);
  }

  /** The files are as they were, but whether they are served is to be proved anew. */
  function lost(why: string): void {
    log.warn(`${why}; it is proved anew what it serves`);
    state.doubt();
    looks.soon();
  }
}
