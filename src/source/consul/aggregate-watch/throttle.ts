import type { Clock } from "../clock.ts";

/**
 * Makes `work` something that may be asked for at any time: it runs at once when it has rested, never twice at
 * the same time, and once more when it was asked for while it ran.
 *
 * @param restMs how long it rests, of how long it took
 */
export function throttle(
  work: () => Promise<void>,
  { clock, restMs }: { readonly clock: Clock; readonly restMs: (tookMs: number) => number },
): () => void {
  let state: "rested" | "busy" | "asked" = "rested";
  return ask;

  function ask(): void {
    if (state !== "rested") {
      state = "asked";
      return;
    }
    state = "busy";
    void run();
  }

  async function run(): Promise<void> {
    const beginMs = clock.now();
    await work();
    clock.after(restMs(clock.now() - beginMs), () => {
      const again = state === "asked";
      state = "rested";
      if (again) ask();
    });
  }
}
