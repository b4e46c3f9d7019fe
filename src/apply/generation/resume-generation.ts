import { AppError } from "../../errors.ts";
import type { GenerationResult, Previous } from "../generation-result.ts";
import type { ProxyDriver } from "../proxy-driver.ts";
import { isDone } from "../swap/keep-previous.ts";
import { swappedBy } from "../swap/swap.ts";
import type { SwapEntry, SwapJournal } from "../swap/swap-journal.ts";
import { goLive, putBackOn } from "./go-live.ts";
import { createStopwatch } from "./stopwatch.ts";

/**
 * Sees to its end what a killed process left: when all new files are in place the proxy is brought onto them, else
 * the previous ones come back. In both cases the proxy reloads, as it is not known whether it did so before.
 *
 * The journal's entry is left open: the caller ends it when it has recorded the result.
 *
 * @throws the signal's reason, once aborted. Nothing else that is expected.
 */
export async function resumeGeneration(
  { generation, changes }: SwapEntry,
  {
    driver,
    journal,
    previous,
    signal,
  }: {
    readonly driver: ProxyDriver;
    readonly journal: SwapJournal;
    readonly previous: Previous | undefined;
    readonly signal: AbortSignal;
  },
): Promise<GenerationResult> {
  const clock = createStopwatch();
  const swapped = swappedBy(changes, journal);
  if (changes.every(isDone)) {
    return await goLive({ driver, generation, previous, signal }, clock, swapped);
  }
  const restored = await clock.time("restore", () =>
    putBackOn({ driver, previous, signal }, swapped),
  );
  const error = new AppError(
    "SWAP",
    "Cannot finish it as Fairlead was ended in the middle of the swap",
    { hint: "Nothing is to be done: it is tried again" },
  );
  return { kind: "failed", error, ...restored, timings: clock.timings() };
}

/**
 * Makes the files those of one generation, whatever point an interrupted swap had come to: before anything reads them.
 * What cannot be put back now is tried again, and said, by {@link resumeGeneration}.
 */
export async function restoreComplete(
  entry: SwapEntry | undefined,
  journal: SwapJournal,
): Promise<void> {
  if (entry === undefined || entry.changes.every(isDone)) return;
  try {
    await swappedBy(entry.changes, journal).undo();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}
