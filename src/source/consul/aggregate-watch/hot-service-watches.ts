import type { Instance } from "../../../catalog/instance.ts";
import { type ConsulContext, expected } from "../consul-context.ts";
import { indexOf, type RawAnswer, requestConsul } from "../consul-request.ts";
import { questionOf } from "../read-query.ts";
import type { Ask, ReadQueue } from "./read-queue.ts";
import { isPlain } from "./service-reader.ts";
import type { TrackedService } from "./tracked-services.ts";

/**
 * Follows services that changed lately by a blocking query of their own, on sockets that nothing else uses.
 *
 * What changed is likely to change again soon: a deployment that goes on, an instance that comes and goes. Its next
 * change is then read at once, where a bell would only say that there is one. The bells stay in force beside it: a
 * watch may end at any time, and nothing is missed.
 */
export interface HotServiceWatches {
  /** A service changed. */
  changed(entry: TrackedService): void;
  /** Reads a service that rang; if it is watched a moment later, as its watch is about to tell. */
  soon(entry: TrackedService, ask?: Ask): void;
  /** Ends the watch on a service, if there is one. It is read anew by others, or not wanted any more. */
  end(entry: TrackedService): void;
  endAll(): void;
}

interface Watch {
  readonly ending: AbortController;
  readonly giveBack: () => void;
  /** Whether its query is open: else it rests for a moment, and what rings meanwhile does not wait for it. */
  isOpen: boolean;
}

/** A service is watched for so long after its last change. */
const LATELY_MS = 300_000;
/** How long Consul may hold a query: it goes on counting one that is given up until then. */
const HOLD_MS = 60_000;
/** Least time between two answers of one watch. */
const FLOOR_MS = 50;
/** How long a watch may take for what a bell has told already. */
const PATIENCE_MS = 100;
/** Answers in a row that say nothing new: more than that do not come of Consul holding the query. */
const MOST_UNCHANGED = 8;

export function createHotServiceWatches(
  context: ConsulContext,
  options: {
    readonly queue: () => ReadQueue;
    /** Takes an answer to the plain query that is newer than what is known. */
    readonly onAnswer: (entry: TrackedService, answer: RawAnswer) => void;
    /** Aborts when nobody follows anything any more. */
    readonly signal: AbortSignal;
  },
): HotServiceWatches {
  const { client, clock, config, polls, spares } = context;
  const watches = new Map<TrackedService, Watch>();

  return {
    changed(entry) {
      if (watches.has(entry) || entry.wanted.size === 0 || !isPlain(entry)) return;
      const giveBack = spares.borrow(() => endAndRead(entry));
      if (giveBack === undefined) return;
      const watch = { ending: new AbortController(), giveBack, isOpen: false };
      watches.set(entry, watch);
      void follow(entry, watch);
    },
    soon(entry, ask = {}) {
      const queue = options.queue();
      if (ask.isForced === true || watches.get(entry)?.isOpen !== true) {
        return queue.soon(entry, ask);
      }
      const { index } = entry;
      // It is read whatever the watch says: that may have been of the change before.
      clock.after(PATIENCE_MS, () => queue.soon(entry, entry.index === index ? ask : {}));
    },
    end,
    endAll() {
      for (const entry of watches.keys()) end(entry);
    },
  };

  function end(entry: TrackedService): void {
    const watch = watches.get(entry);
    if (watch === undefined) return;
    watches.delete(entry);
    watch.giveBack();
    watch.ending.abort(new Error("this service is not watched any more"));
  }

  /** What the watch would have said is read instead. */
  function endAndRead(entry: TrackedService): void {
    end(entry);
    options.queue().soon(entry);
  }

  async function follow(entry: TrackedService, watch: Watch): Promise<void> {
    const signal = AbortSignal.any([watch.ending.signal, options.signal]);
    let changedAtMs = clock.now();
    let unchanged = 0;
    try {
      while (clock.now() - changedAtMs < LATELY_MS && unchanged < MOST_UNCHANGED) {
        await new Promise<void>((resolve) => void clock.after(FLOOR_MS, resolve));
        const asked = entry.index ?? 0n;
        const answer = await ask(entry, watch, { index: asked, signal });
        const index = indexOf(answer);
        if (index < asked) break; // of a server that lags behind, or of another history
        unchanged = index === asked ? unchanged + 1 : 0;
        if (index <= (entry.index ?? 0n)) continue; // nothing new, or it was read meanwhile
        const before = entry.instances;
        options.onAnswer(entry, answer);
        // The index of a service that is gone goes up with those of others.
        if (!isSame(before, entry.instances)) changedAtMs = clock.now();
      }
    } catch (error) {
      if (!signal.aborted) expected(error);
    }
    if (watches.get(entry) === watch) endAndRead(entry);
  }

  /** @throws the signal's reason, once aborted, else {AppError} */
  async function ask(
    entry: TrackedService,
    watch: Watch,
    { index, signal }: { readonly index: bigint; readonly signal: AbortSignal },
  ): Promise<RawAnswer> {
    try {
      return await polls.run(signal, async () => {
        watch.isOpen = true;
        const waitMs = Math.min(HOLD_MS, context.waitMs());
        return await requestConsul(client, questionOf(entry.plain), {
          config,
          index,
          waitMs,
          signal,
        });
      });
    } finally {
      watch.isOpen = false;
      signal.throwIfAborted();
    }
  }
}

/** What did not change is the same object. */
const isSame = (before: readonly Instance[], now: readonly Instance[]): boolean =>
  before.length === now.length && before.every((it, i) => it === now[i]);
