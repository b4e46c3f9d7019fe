import { join } from "node:path";
import type { ControlledProxy } from "./apply/controlled-proxy.ts";
import { watchOutputs } from "./apply/disk/watch-outputs.ts";
import type { View } from "./apply/guard/view.ts";
import { viewOf } from "./apply/guard/view-of.ts";
import { pinnedQueries } from "./apply/in-force/pinned-queries.ts";
import { createNewerLiveGeneration } from "./apply/loop/newer-live-generation.ts";
import { openStages, type PipelineParts } from "./apply/loop/open-stages.ts";
import { createOperatorCommands } from "./apply/loop/operator-commands.ts";
import type { Render } from "./apply/loop/renderer.ts";
import { serveGeneration } from "./apply/loop/serve-generation.ts";
import type { ReconcileResult } from "./apply/proxy-status.ts";
import { explainRefusal } from "./apply/quarantine/judge-candidate.ts";
import { causeOf, changeText } from "./apply/report/cause.ts";
import { pinnedBy } from "./apply/state/control.ts";
import { fillHistory } from "./apply/state/fill-history.ts";
import { keepFormerFiles } from "./apply/state/former-files.ts";
import type { Snapshot } from "./catalog/snapshot.ts";
import type { AppError } from "./errors.ts";
import type { FileTemplate } from "./template/compile/proxy-templates.ts";
import type { Output } from "./template/render/render-files.ts";
import type { Rendered } from "./template/render/render-proxy.ts";

/** One proxy being kept up to date. */
export interface Pipeline extends ControlledProxy {
  /**
   * Follows the catalog until `signal` aborts.
   *
   * @param onReconciled told how each reconcile ended
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
  let mayHaveDrifted = false;
  let isReconciling = false;

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
        await attempts.restoreComplete();
        await driver.open(state.live);
        driver.watch(lost, signal);
        watchOutputs({ paths: () => state.inPlace?.paths ?? [], onChange: findDrift, signal });
        reconcileLoop.soon();
        return await reconcileLoop.run(async () => {
          isReconciling = true;
          const result = await reconcile(signal).finally(() => {
            isReconciling = false;
          });
          if (mayHaveDrifted) findDrift();
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

  async function reconcile(signal: AbortSignal): Promise<ReconcileResult> {
    if (!(await attempts.finishInterrupted(signal))) return "failed";
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
    const newest = gates.dampFlaps(store.snapshot());
    if (gates.isMissingAnswers(newest)) return "waiting";
    const guarded = await renderGuarded(newest);
    if (typeof guarded === "string") return guarded;
    const { rendered, answers, gate } = guarded;
    events.complete(rendered);
    events.serversDropped(answers.dropped);
    events.pinned(pinnedQueries(rendered, answers, store.failures()));

    const isServed = state.isServed(rendered.id);
    if (control.now().mode === "paused") return isServed ? "unchanged" : "paused";
    if (isServed) {
      if (gate !== undefined) return gate;
      await attempts.sawView(guarded.view);
      gates.wentLive(guarded.before);
      renderer.wentLive(guarded);
      return "unchanged";
    }
    // What was lost can only be kept where it is known; else all waits.
    if (gate === "waiting" || (gate === "held" && renderer.live() === undefined)) return gate;
    if (gates.isDrainLimited(driver.draining())) return "waiting";
    const result = await makeLive(guarded, signal);
    return result === "live" ? (gate ?? result) : result;
  }

  /** Renders, and asks the guard. What it holds is kept as it was; the rest may go live. */
  async function renderGuarded(newest: Snapshot): Promise<Guarded | ReconcileResult> {
    const first = await renderer.render(newest, { isHeld: false });
    if (first === undefined) return "refused";
    const { asked } = first.rendered;
    const view = viewOf(newest, asked, first.answers);
    const before = renderer.comparable(state.live?.view, { asked, snapshot: newest });
    // The guard compares what the newest answers alone ask for.
    const isAsked = first.rendered.kind === "rendered" && control.now().mode !== "paused";
    const gate = isAsked ? gates.guard(before, view) : undefined;
    const isHeld = gates.isHeld();
    const last = isHeld ? await renderer.render(newest, { isHeld }) : first;
    if (last === undefined) return "refused";
    const { rendered, answers } = last;
    store.want(proxy.name, new Map([...asked, ...rendered.asked]));
    if (rendered.kind === "waiting") {
      gates.noteMissing(rendered.missing);
      return "waiting";
    }
    // What is kept is what the next change is measured against.
    const inForce = isHeld ? viewOf(answers, rendered.asked) : view;
    return { ...last, rendered, newest, gate, before, view: inForce, isHeld };
  }

  async function makeLive(from: Guarded, signal: AbortSignal): Promise<ReconcileResult> {
    const { rendered, answers, newest, before, view, isHeld } = from;
    const { asked, outputs } = rendered;
    const origin = { view, catalogAtMs: store.fallbackSince()?.getTime() ?? Date.now() };
    const wasLive = state.live?.view;
    const prepare = () => keepFormer(outputs);
    const made = await attempts.make(rendered, { mayBeSuperseded: true, prepare, signal });
    if (made === undefined) return "superseded";
    const { generation, result } = made;
    if (result.kind === "refused") {
      const refused = { driver, refusal: result, newest, answers, asked, isHeld, signal };
      if (await renderer.quarantineCulprits(refused)) {
        await attempts.record(generation, result, origin);
        return await bringUpToDate(signal); // without the culprits, the rest goes live at once
      }
    }
    const source = renderer.source(from);
    const explained =
      result.kind === "refused" ? { ...result, output: explainRefusal(result, source) } : result;
    const live = renderer.live();
    const wasMadeFrom = live && { snapshot: live.answers, templates: live.templates };
    const cause = causeOf(wasMadeFrom, source, { asked, change: changeText(wasLive, view) });
    events.applied(generation, explained, { cause, outputs });
    if (result.kind === "live") {
      if (!isHeld) gates.wentLive(before);
      renderer.wentLive(from);
    }
    return await attempts.conclude(generation, result, origin);
  }

  /** Before the first generation. What cannot be kept is not replaced. */
  function keepFormer(outputs: readonly Output[]): void {
    const directory = join(parts.config.state, proxy.name);
    const former = keepFormerFiles(outputs, { history, state, proxy, directory });
    if (former !== undefined) events.formerKept(former);
  }

  /** Files that are not as they were written are checked and written again; the proxy may have read them meanwhile. */
  function findDrift(): void {
    mayHaveDrifted = isReconciling; // what changes now may be Fairlead's own work
    if (isReconciling) return;
    const files = state.drifted();
    if (files.length === 0) return;
    events.drifted(files);
    reconcileLoop.soon();
  }

  /** The files are unchanged, but the proxy may not serve them any more: it needs a new proof. */
  function lost(why: string): void {
    log.warn(`${why}; what it serves is proved again`);
    state.needsProof();
    reconcileLoop.soon();
  }
}

/** A complete render that the guard was asked about. */
interface Guarded extends Render {
  readonly rendered: Rendered;
  readonly newest: Snapshot;
  /** Why the rest of the catalog's changes is held back. */
  readonly gate: "waiting" | "held" | undefined;
  /** What the live generation was made from, and what this one is. */
  readonly before: View | undefined;
  readonly view: View;
  readonly isHeld: boolean;
}
