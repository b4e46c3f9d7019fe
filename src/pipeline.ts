import type { ControlledProxy } from "./apply/controlled-proxy.ts";
import { type View, viewOf } from "./apply/guard/view.ts";
import { createNewerLiveGeneration } from "./apply/loop/newer-live-generation.ts";
import { openStages, type PipelineParts } from "./apply/loop/open-stages.ts";
import { createOperatorCommands } from "./apply/loop/operator-commands.ts";
import { serveGeneration } from "./apply/loop/serve-generation.ts";
import type { ReconcileResult } from "./apply/proxy-status.ts";
import { explainRefusal } from "./apply/quarantine/blame-check.ts";
import { causeOf, changeText } from "./apply/report/cause.ts";
import { pinnedBy } from "./apply/state/control.ts";
import { fillHistory } from "./apply/state/fill-history.ts";
import type { Snapshot } from "./catalog/snapshot.ts";
import type { AppError } from "./errors.ts";
import type { FileTemplate } from "./template/compile/proxy-templates.ts";
import type { Rendered } from "./template/render/render-proxy.ts";

/** One proxy being kept up to date. */
export interface Pipeline extends ControlledProxy {
  /**
   * Follows the catalog until `signal` aborts.
   *
   * @param onReconciled told how each look ended
   * @throws the signal's reason, once aborted. Anything else is a bug.
   */
  run(signal: AbortSignal, onReconciled: (result: ReconcileResult) => void): Promise<never>;
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
  const { state, control, history, reconcileLoop, renderer, gates, attempts, events } = stages;
  const newerLiveGeneration = createNewerLiveGeneration({
    store,
    state,
    history,
    files: proxy.files,
  });
  let isHistoryFilled = false;

  return {
    ...createOperatorCommands({ ...stages, files: proxy.files }),
    status: stages.status,
    setTemplates(templates) {
      if (!renderer.use(templates)) return;
      newerLiveGeneration.ignore();
      gates.useOtherTemplates();
      reconcileLoop.soon();
    },
    async run(signal, onReconciled) {
      const unsubscribe = store.onChange(reconcileLoop.soon);
      try {
        await attempts.makeWhole();
        await driver.open(state.live);
        driver.watch(lost, signal);
        reconcileLoop.soon();
        return await reconcileLoop.run(async () => {
          const result = await look(signal);
          events.reconciled(result);
          onReconciled(result);
          return result;
        }, signal);
      } finally {
        unsubscribe();
        events.stop();
        reconcileLoop.stop();
      }
    },
  };

  async function look(signal: AbortSignal): Promise<ReconcileResult> {
    if (!(await attempts.seeToEnd(signal))) return "failed";
    if (!isHistoryFilled) fillHistory(history, state.live, proxy);
    isHistoryFilled = true;
    const pinned = pinnedBy(control.now());
    const { files } = proxy;
    if (pinned !== undefined) return await serveGeneration(pinned, stages, { files, signal });
    const kept = control.now().mode === "paused" ? undefined : newerLiveGeneration.number();
    if (kept === undefined) return await bringUpToDate(signal);
    const because = "it is newer than the last good catalog";
    return await serveGeneration(kept, stages, { files, signal, because });
  }

  async function bringUpToDate(signal: AbortSignal): Promise<ReconcileResult> {
    const snapshot = gates.dampFlaps(store.snapshot());
    if (gates.isLacking(snapshot)) return "waiting";
    const rendered = renderer.render(snapshot);
    if (rendered === undefined) return "refused";

    store.want(proxy.name, rendered.asked);
    if (rendered.kind === "waiting") {
      gates.lacks(rendered.missing);
      return "waiting";
    }
    events.complete(rendered);

    const isServed = state.isServed(rendered.id);
    if (control.now().mode === "paused") return isServed ? "unchanged" : "paused";

    const view = viewOf(snapshot, rendered.asked);
    const before = renderer.comparable(state.live?.view, { asked: rendered.asked, snapshot });
    const gate = gates.guard(before, view);
    if (gate !== undefined) return gate;

    if (isServed) {
      await attempts.sawView(view);
      gates.wentLive(before);
      renderer.wentLive(renderer.source(snapshot), rendered.asked);
      return "unchanged";
    }
    if (gates.isDrainLimited(driver.draining())) return "waiting";
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
  ): Promise<ReconcileResult> {
    const { view, snapshot, signal } = from;
    const { asked, outputs } = rendered;
    const origin = { view, catalogAtMs: store.fallbackSince()?.getTime() ?? Date.now() };
    const wasLive = state.live?.view;
    const source = renderer.source(snapshot);
    const made = await attempts.make(rendered, { mayBeSuperseded: true, signal });
    if (made === undefined) return "superseded";
    const { generation, result } = made;
    if (result.kind === "refused") {
      const refused = { driver, refusal: result, from: source, asked, signal };
      if (await renderer.leaveOutCulprits(refused)) {
        await attempts.record(generation, result, origin);
        return await bringUpToDate(signal); // without the culprits, the rest goes live at once
      }
    }
    const explained =
      result.kind === "refused" ? { ...result, output: explainRefusal(result, source) } : result;
    const cause = causeOf(renderer.live(), source, { asked, change: changeText(wasLive, view) });
    events.applied(generation, explained, { cause, outputs });
    if (result.kind === "live") {
      gates.wentLive(from.before);
      renderer.wentLive(source, asked);
    }
    return await attempts.settle(generation, result, origin);
  }

  /** The files are as they were, but whether they are served is to be proved anew. */
  function lost(why: string): void {
    log.warn(`${why}; it is proved anew what it serves`);
    state.needsProof();
    reconcileLoop.soon();
  }
}
