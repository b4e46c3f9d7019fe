import type { Clock } from "../clock.ts";

/**
 * Returns a function that may be called at any time: it runs `work` at once when `work` has rested, never twice at
 * the same time, and once more when it was called meanwhile.
 *
 * @param restMs the rest after a run, given how long the run took
 */
export function throttle(
  work: () => Promise<void>,
  { clock, restMs }: { readonly clock: Clock; readonly restMs: (tookMs: number) => number },
): () => void {
  let state: "rested" | "busy" | "called" = "rested";
  return call;

  function call(): void {
    if (state !== "rested") {
      state = "called";
      return;
    }
    state = "busy";
    void run();
  }

  async function run(): Promise<void> {
    const beginMs = clock.now();
    await work();
    clock.after(restMs(clock.now() - beginMs), () => {
      const again = state === "called";
      state = "rested";
      if (again) call();
    });
  }
}
