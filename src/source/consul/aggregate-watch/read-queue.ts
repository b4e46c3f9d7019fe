import { backoffMs } from "../../../backoff.ts";
import type { AppError } from "../../../errors.ts";
import { CONSUL_BACKOFF } from "../blocking-query.ts";
import { type ConsulContext, expectedError } from "../consul-context.ts";
import type { TrackedService } from "./tracked-services.ts";

/** How to read a service. */
export interface ReadOptions {
  /** Deliver its answer whatever the index: the last one may come from before an outage. */
  readonly isForced?: boolean;
  /** Let Consul hold the request for a moment until there is something newer than this. */
  readonly newerThan?: bigint;
  /** Something newer than that exists: read again until it is there. */
  readonly isKnownToExist?: boolean;
}

/** Services to read: first those that changed, then those that are read only to make sure. */
export interface ReadQueue {
  /** Reads a service as soon as there is a socket; once more when it is being read already. */
  soon(entry: TrackedService, how?: ReadOptions): void;
  /** Reads services as soon as possible, and delivers their answers whatever the index. */
  rereadAll(entries: Iterable<TrackedService>): void;
  /** Reads services when no other service waits. Resolves when all are read or have failed once. */
  whenIdle(entries: readonly TrackedService[]): Promise<void>;
  /** Whether there is nothing to read. */
  isIdle(): boolean;
  /** Holds all reads back, or lets them go on. */
  hold(isHeld: boolean): void;
}

/** Reads that only make sure leave room for services that changed. */
const IDLE_READS_AT_ONCE = 8;
/** From this many waiting services on, they are read together. */
const MANY = 32;
/** After this many failures in a row, of any services, one read at a time finds out whether Consul is back. */
const FAILURES_UNTIL_ONE_BY_ONE = 4;

export function createReadQueue(
  context: Pick<ConsulContext, "reads" | "outage">,
  options: {
    readonly signal: AbortSignal;
    readonly read: (entry: TrackedService, how: ReadOptions) => Promise<void>;
    /** Reads many services together. When it fails they are read one by one. */
    readonly readTogether: (entries: readonly TrackedService[]) => Promise<void>;
    /** Whether a service can be read together with so many others. */
    readonly canReadTogether: (entry: TrackedService, count: number) => boolean;
    readonly onFailure: (entry: TrackedService, error: AppError) => void;
  },
): ReadQueue {
  const { signal, read, readTogether, canReadTogether, onFailure } = options;
  const urgent = new Map<TrackedService, ReadOptions>();
  const idle = new Set<TrackedService>();
  const running = new Set<TrackedService>();
  /** How many of the running ones have a read of their own. */
  let reads = 0;
  let waitingForIdle: (() => void)[] = [];
  let failuresInARow = 0;
  let isHeld = false;
  let isResting = false;

  return {
    soon,
    rereadAll(entries) {
      for (const entry of entries) urgent.set(entry, { isForced: true });
      pumpTogether();
    },
    isIdle: () => running.size === 0 && urgent.size === 0 && idle.size === 0,
    async whenIdle(entries) {
      for (const entry of entries) idle.add(entry);
      pump();
      if (idle.size > 0) await new Promise<void>((resolve) => waitingForIdle.push(resolve));
    },
    hold(now) {
      const wasHeld = isHeld;
      isHeld = now;
      if (wasHeld && !now) pumpTogether();
    },
  };

  function soon(entry: TrackedService, how: ReadOptions = {}): void {
    const before = urgent.get(entry);
    urgent.set(entry, before?.isForced === true ? { ...how, isForced: true } : how);
    pump();
  }

  function pump(): void {
    for (let next = takeNext(); next !== undefined; next = takeNext()) void run(...next);
    if (idle.size > 0) return;
    for (const resolve of waitingForIdle) resolve();
    waitingForIdle = [];
  }

  /** The same, but many forced reads are done together. */
  function pumpTogether(): void {
    if (!isStopped() && urgent.size >= MANY) {
      const forced = [...urgent].filter(([entry, how]) => how.isForced && !running.has(entry));
      const many = forced.map(([entry]) => entry);
      const fit = many.filter((it) => canReadTogether(it, many.length));
      if (fit.length >= MANY) void runTogether(fit);
    }
    pump();
  }

  async function runTogether(entries: readonly TrackedService[]): Promise<void> {
    for (const entry of entries) {
      urgent.delete(entry);
      idle.delete(entry);
      running.add(entry);
    }
    try {
      await readTogether(entries);
    } catch (error) {
      if (!signal.aborted) expectedError(error);
      for (const entry of entries) urgent.set(entry, { isForced: true });
    } finally {
      for (const entry of entries) running.delete(entry);
      pump();
    }
  }

  function isStopped(): boolean {
    return isHeld || isResting || signal.aborted;
  }

  function takeNext(): [TrackedService, ReadOptions] | undefined {
    if (isStopped()) return undefined;
    const oneByOne = failuresInARow >= FAILURES_UNTIL_ONE_BY_ONE;
    const most = oneByOne ? 1 : context.reads.slots();
    if (reads >= most) return undefined;
    for (const [entry, how] of urgent) {
      if (running.has(entry)) continue;
      urgent.delete(entry);
      idle.delete(entry);
      return [entry, how];
    }
    if (reads >= IDLE_READS_AT_ONCE) return undefined;
    for (const entry of idle) {
      if (running.has(entry)) continue;
      idle.delete(entry);
      return [entry, {}];
    }
    return undefined;
  }

  async function run(entry: TrackedService, how: ReadOptions): Promise<void> {
    if (entry.wanted.size === 0) return;
    running.add(entry);
    reads += 1;
    try {
      await context.reads.run(signal, () => read(entry, how));
      entry.failures = 0;
      failuresInARow = 0;
    } catch (error) {
      if (!signal.aborted) failed(entry, expectedError(error));
    } finally {
      running.delete(entry);
      reads -= 1;
      pump();
    }
  }

  function failed(entry: TrackedService, error: AppError): void {
    entry.failures += 1;
    if (error.code !== "CONSUL_UNSEEN") failuresInARow += 1;
    onFailure(entry, error);
    void retry(entry);
    if (failuresInARow >= FAILURES_UNTIL_ONE_BY_ONE) void rest();
  }

  async function retry(entry: TrackedService): Promise<void> {
    if (!(await pause(entry.failures))) return;
    if (entry.wanted.size > 0) soon(entry, { isForced: true });
  }

  async function rest(): Promise<void> {
    if (isResting) return;
    isResting = true;
    await pause(failuresInARow - FAILURES_UNTIL_ONE_BY_ONE + 1);
    isResting = false;
    pump();
  }

  /** Resolves with whether to go on. */
  async function pause(failures: number): Promise<boolean> {
    try {
      await context.outage.pause(backoffMs(CONSUL_BACKOFF, failures, Math.random()), signal);
      return true;
    } catch {
      return false; // closed
    }
  }
}
