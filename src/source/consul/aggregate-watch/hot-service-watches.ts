import { isDeepStrictEqual } from "node:util";
import type { Instance } from "../../../catalog/instance.ts";
import type { AnswerValue } from "../../../catalog/query.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import { type ConsulContext, expectedError } from "../consul-context.ts";
import { readQuery } from "../read-query.ts";
import type { ReadOptions, ReadQueue } from "./read-queue.ts";
import { isPlain } from "./service-reader.ts";
import type { TrackedService } from "./tracked-services.ts";

/**
 * Follows services that changed lately by a blocking query of their own, on sockets that nothing else uses.
 *
 * A service that changed is likely to change again soon: a deployment goes on, an instance comes and goes. Its own
 * query then delivers the next change at once, where a list would only wake up. The list watches go on beside it: a
 * hot watch may end at any time, and nothing is missed.
 */
export interface HotServiceWatches {
  /** A service changed. */
  changed(entry: TrackedService): void;
  /** Reads a service as soon as possible; a moment later when it has a watch, which is about to deliver the change. */
  soon(entry: TrackedService, how?: ReadOptions): void;
  /** Ends the watch on a service, if there is one: it is read again anyway, or no longer wanted. */
  end(entry: TrackedService): void;
  endAll(): void;
}

interface Watch {
  readonly ending: AbortController;
  readonly giveBack: () => void;
  /** Whether its query is open. While it rests for a moment, a read does not wait for it. */
  isOpen: boolean;
}

/** A service is watched for so long after its last change. */
const LATELY_MS = 300_000;
/** How long Consul may hold a query: Consul counts an abandoned one until then. */
const HOLD_MS = 60_000;
/** Least time between two answers of one watch. */
const FLOOR_MS = 50;
/** How long a watch may take to deliver a change that a list has named already. */
const PATIENCE_MS = 100;
/** Answers in a row without a change: Consul does not hold the query when there are more. */
const MOST_UNCHANGED = 8;

export function createHotServiceWatches(
  context: ConsulContext,
  options: {
    readonly queue: () => ReadQueue;
    /** Takes an answer to the plain query that is newer than the known one, or another one at the same index. */
    readonly onAnswer: (entry: TrackedService, answer: IndexedAnswer<AnswerValue>) => Promise<void>;
    /** Aborts when the datacenter is no longer followed. */
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
    soon(entry, how = {}) {
      const queue = options.queue();
      if (how.isForced === true || watches.get(entry)?.isOpen !== true) {
        return queue.soon(entry, how);
      }
      const { index } = entry;
      // It is read whatever the watch delivers: that may have been the change before.
      clock.after(PATIENCE_MS, () => queue.soon(entry, entry.index === index ? how : {}));
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
    watch.ending.abort(new Error("this service is no longer watched"));
  }

  /** A read replaces what the watch would have delivered. */
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
        const known = entry.index ?? 0n;
        const answer = await poll(entry, watch, { index: known, signal });
        const { index } = answer;
        if (index < known) break; // of a server that lags behind, or of another history
        unchanged = index === known ? unchanged + 1 : 0;
        const before = entry.instances;
        const isOther = index === entry.index && !isDeepStrictEqual(before, answer.value);
        // Nothing new, or it was read meanwhile.
        if (index <= (entry.index ?? 0n) && !isOther) continue;
        await options.onAnswer(entry, answer);
        // The index of a service that is gone goes up with those of others.
        if (!isSame(before, entry.instances)) changedAtMs = clock.now();
      }
    } catch (error) {
      if (!signal.aborted) expectedError(error);
    }
    if (watches.get(entry) === watch) endAndRead(entry);
  }

  /** @throws the signal's reason, once aborted, else {AppError} */
  async function poll(
    entry: TrackedService,
    watch: Watch,
    { index, signal }: { readonly index: bigint; readonly signal: AbortSignal },
  ): Promise<IndexedAnswer<AnswerValue>> {
    try {
      return await polls.run(signal, async () => {
        watch.isOpen = true;
        const waitMs = Math.min(HOLD_MS, context.waitMs());
        return await readQuery(client, entry.plain, { config, index, waitMs, signal });
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
