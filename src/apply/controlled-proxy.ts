import type { ObservedProxy, ReconcileResult } from "./proxy-status.ts";
import type { History } from "./state/history.ts";

/**
 * One proxy as operators control it. Their commands are kept across restarts; each returns the result of the
 * reconcile that follows.
 */
export interface ControlledProxy extends ObservedProxy {
  /** Changes nothing from now on. */
  pause(): Promise<ReconcileResult>;
  /** Follows the catalog again. */
  resume(): Promise<ReconcileResult>;
  /**
   * Serves a generation of the history from now on, or the one before the live one.
   *
   * @throws {AppError} CONTROL when there is no such generation
   */
  rollback(number: number | undefined): Promise<ReconcileResult>;
  /** Lets what the guard holds go live. @throws {AppError} CONTROL when it holds nothing */
  accept(): Promise<ReconcileResult>;
  readonly history: Pick<History, "entries" | "read">;
}
