import { askConsul, indexOf, jsonOf } from "../ask-consul.ts";
import { expected, type Link } from "../link.ts";
import { type AllChecks, namedByChecks, parseAllChecks } from "./all-checks.ts";
import type { ReadQueue } from "./read-queue.ts";
import type { Entry } from "./service-book.ts";
import { throttle } from "./throttle.ts";

/**
 * Finds which service rang when the bell does not tell: a service's meta, weights, address or port, or an
 * instance more or less.
 *
 * The list of all checks names most of them soon. Then the index of every service is looked at: that misses
 * nothing, and takes as long as there are services.
 */
export interface ChangeSeeker {
  /** Something about a service or a node changed. */
  seek(): void;
  /** The same, but it is known already what: the rest may wait. */
  seekLater(): void;
}

/** Services are looked at one after the other all the time, so that also a bell which did not ring is noticed. */
const LOOK_AT_ALL_MS = 300_000;
/** The same, while a bell fails. */
const LOOK_AT_ALL_UNTOLD_MS = 10_000;
const TICK_MS = 1_000;
/** After what a look took, it rests this many times as long, but no longer than a few seconds. */
const CHECKS_REST = 4;
const SWEEP_REST = 2;
const SWEEP_REST_AT_LEAST_MS = 200;
const REST_AT_MOST_MS = 3_000;
const LATER_MS = 2_000;

export function createChangeSeeker(
  link: Link,
  options: {
    readonly datacenter: string | undefined;
    readonly book: ReadonlyMap<string, Entry>;
    readonly queue: ReadQueue;
    /** Whether all bells work. */
    readonly isTold: () => boolean;
    readonly signal: AbortSignal;
  },
): ChangeSeeker {
  const { datacenter, book, queue, signal } = options;
  const { clock } = link;
  let checks: AllChecks | undefined;
  let rest: Iterator<Entry> = book.values();
  let reading: Promise<void> = Promise.resolve();

  const readChecks = throttle(
    async () => {
      reading = nameByChecks();
      await reading;
    },
    { clock, restMs: (tookMs) => Math.min(REST_AT_MOST_MS, tookMs * CHECKS_REST) },
  );
  const sweep = throttle(
    async () => {
      await reading;
      await queue.whenIdle([...book.values()].toSorted(byLastChange));
    },
    {
      clock,
      restMs: (tookMs) =>
        Math.min(REST_AT_MOST_MS, Math.max(SWEEP_REST_AT_LEAST_MS, tookMs * SWEEP_REST)),
    },
  );
  tick();
  return {
    seek() {
      readChecks();
      sweep();
    },
    seekLater() {
      clock.after(LATER_MS, sweep);
    },
  };

  /** Reads the services whose checks changed. Any failure is left to the sweep. */
  async function nameByChecks(): Promise<void> {
    const question = { path: "/v1/health/state/any", datacenter };
    const ask = { config: link.config, index: 0n, waitMs: 0, signal };
    try {
      const answer = await link.reads.run(signal, () => askConsul(link.client, question, ask));
      indexOf(answer);
      const now = parseAllChecks(jsonOf(answer));
      for (const entry of namedByChecks({ before: checks, after: now }, book.values())) {
        queue.soon(entry);
      }
      checks = now;
    } catch (error) {
      if (!signal.aborted) expected(error);
    }
  }

  function tick(): void {
    if (signal.aborted) return;
    const roundMs = options.isTold() ? LOOK_AT_ALL_MS : LOOK_AT_ALL_UNTOLD_MS;
    const count = Math.ceil((book.size * TICK_MS) / roundMs);
    if (queue.isIdle()) void queue.whenIdle(takeRest(count));
    const cancel = clock.after(TICK_MS, () => {
      signal.removeEventListener("abort", cancel);
      tick();
    });
    signal.addEventListener("abort", cancel, { once: true });
  }

  function takeRest(count: number): readonly Entry[] {
    const taken: Entry[] = [];
    while (taken.length < count) {
      const next = rest.next();
      if (next.done === true) {
        rest = book.values();
        break;
      }
      taken.push(next.value);
    }
    return taken;
  }
}

const byLastChange = (a: Entry, b: Entry): number => b.changedAtMs - a.changedAtMs;
