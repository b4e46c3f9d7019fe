import type { History } from "./history.ts";
import type { Fate, ObservedProxy } from "./proxy-status.ts";

/**
 * One proxy as operators direct it. What they want is kept across restarts; the fate tells how the look after
 * it ended.
 */
export interface ControlledProxy extends ObservedProxy {
  /** Changes nothing from now on. */
  pause(): Promise<Fate>;
  /** Follows the catalog again. */
  resume(): Promise<Fate>;
  /**
   * Serves a generation of the history from now on, or the one before the live one.
   *
   * @throws {AppError} CONTROL when there is no such generation
   */
  rollback(number: number | undefined): Promise<Fate>;
  /** Lets what the guard holds go live. @throws {AppError} CONTROL when it holds nothing */
  accept(): Promise<Fate>;
  readonly history: Pick<History, "entries" | "read">;
}
