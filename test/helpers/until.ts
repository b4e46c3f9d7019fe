import { setTimeout as sleep } from "node:timers/promises";

/** How long a condition may take on a slow, busy machine. It is met long before on others. */
const PATIENCE_MS = 30_000;
const POLL_MS = 20;

/**
 * Polls until `probe` gives something else than `undefined` or `false`, and returns that.
 *
 * @param what names the condition in the error
 * @throws when it is not met in time, with the probe's last error
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  { patienceMs = PATIENCE_MS }: { readonly patienceMs?: number } = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + patienceMs;
  let last: unknown;
  for (;;) {
    try {
      const result = await probe();
      if (result !== undefined && result !== false) return result as Exclude<T, undefined | false>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${patienceMs} ms: ${what}`, { cause: last });
    }
    await sleep(POLL_MS);
  }
}
