import { AppError } from "../../errors.ts";
import type { ReconcileResult } from "../proxy-status.ts";
import type { Schedule } from "../schedule/schedule.ts";

/** The reconcileLoop at one proxy, one after another: who asks for one learns how it ended. */
export interface ReconcileLoop {
  /** Has the proxy reconciled once that is due. */
  soon(): void;
  /**
   * Asks for a reconcile, and resolves with the end of the first one that begins from now on. One that waits for
   * answers counts only when nothing else comes of it within 5 s.
   *
   * @throws {AppError} CONTROL when there is none any more
   */
  next(): Promise<ReconcileResult>;
  /**
   * Looks whenever one is due, until `signal` aborts.
   *
   * @throws the signal's reason, once aborted, and whatever `reconcile` throws
   */
  run(reconcile: () => Promise<ReconcileResult>, signal: AbortSignal): Promise<never>;
  /** Rejects every wait for a reconcile. */
  stop(): void;
}

const PATIENCE_MS = 5_000;

interface Waiter {
  readonly isBegun: boolean;
  readonly resolve: (result: ReconcileResult) => void;
  readonly reject: (error: AppError) => void;
}

/** @param clock.reconcileAtMs when a reconcile is due though nothing changed, in the clock of `schedule` */
export function createReconcileLoop(
  schedule: Pick<Schedule, "changed" | "due">,
  clock: { readonly reconcileAtMs: () => number | undefined },
): ReconcileLoop {
  let waiters: readonly Waiter[] = [];
  return {
    soon: schedule.changed,
    next: () =>
      new Promise((resolve, reject) => {
        waiters = [...waiters, { isBegun: false, resolve, reject }];
        schedule.changed();
      }),
    async run(reconcile, signal) {
      for (;;) {
        await schedule.due(signal, clock.reconcileAtMs());
        waiters = waiters.map((it) => ({ ...it, isBegun: true }));
        report(await reconcile());
      }
    },
    stop() {
      const error = new AppError("CONTROL", "Cannot tell how it ends as Fairlead ends first", {
        hint: "Ask `fairlead status` in a moment: what was asked for is kept",
      });
      for (const { reject } of waiters) reject(error);
      waiters = [];
    },
  };

  function report(result: ReconcileResult): void {
    const begun = waiters.filter(({ isBegun }) => isBegun);
    if (result === "waiting") {
      for (const { resolve } of begun) setTimeout(() => resolve(result), PATIENCE_MS).unref();
      return;
    }
    for (const { resolve } of begun) resolve(result);
    waiters = waiters.filter(({ isBegun }) => !isBegun);
  }
}
