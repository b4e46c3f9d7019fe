/** A signal for a check that is worth less and less while newer changes wait. */
export interface OutdatedCheck {
  readonly signal: AbortSignal;
  /** Whether it was aborted because newer changes wait, not because everything ends. */
  isOutdated(): boolean;
  stop(): void;
}

const LOOK_MS = 100;
/** A check that takes no longer is left to end: starting again would not be quicker. */
const LONG_MS = 2_000;

/**
 * Aborts a check that has run for 2 s already once newer changes are due.
 *
 * @param isNewerDue whether changes wait whose time has come
 */
export function abandonWhenOutdated(isNewerDue: () => boolean, ending: AbortSignal): OutdatedCheck {
  const controller = new AbortController();
  const startMs = performance.now();
  let isOutdated = false;
  const timer = setInterval(() => {
    if (performance.now() - startMs < LONG_MS || !isNewerDue()) return;
    isOutdated = true;
    controller.abort(new Error("newer changes wait"));
  }, LOOK_MS);
  const end = () => controller.abort(ending.reason);
  ending.addEventListener("abort", end, { once: true });
  if (ending.aborted) end();
  return {
    signal: controller.signal,
    isOutdated: () => isOutdated,
    stop() {
      clearInterval(timer);
      ending.removeEventListener("abort", end);
    },
  };
}
