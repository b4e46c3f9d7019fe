import { AppError } from "../errors.ts";
import type { Fate } from "./proxy-status.ts";

/** The looks at one proxy, one after another: who asks for one learns how it ended. */
export interface Looks {
  /**
   * Resolves with the end of the first look that begins from now on. One that waits for answers counts only
   * when nothing else comes of it within 5 s.
   *
   * @throws {AppError} CONTROL when there is none any more
   */
  next(): Promise<Fate>;
  began(): void;
  ended(fate: Fate): void;
  stop(): void;
}

const PATIENCE_MS = 5_000;

interface Waiter {
  readonly isBegun: boolean;
  readonly resolve: (fate: Fate) => void;
  readonly reject: (error: AppError) => void;
}

export function createLooks(): Looks {
  let waiters: readonly Waiter[] = [];
  return {
    next: () =>
      new Promise((resolve, reject) => {
        waiters = [...waiters, { isBegun: false, resolve, reject }];
      }),
    began() {
      waiters = waiters.map((it) => ({ ...it, isBegun: true }));
    },
    ended(fate) {
      const begun = waiters.filter(({ isBegun }) => isBegun);
      if (fate === "waiting") {
        for (const { resolve } of begun) setTimeout(() => resolve(fate), PATIENCE_MS).unref();
        return;
      }
      for (const { resolve } of begun) resolve(fate);
      waiters = waiters.filter(({ isBegun }) => !isBegun);
    },
    stop() {
      const error = new AppError("CONTROL", "Cannot tell how it ends as Fairlead ends first", {
        hint: "Ask `fairlead status` in a moment: what was asked for is kept",
      });
      for (const { reject } of waiters) reject(error);
      waiters = [];
    },
  };
}
