import type { AppError } from "../../../errors.ts";
import { type ConsulContext, expected } from "../consul-context.ts";
import { retryDelayMs } from "../retry-delay.ts";
import type { TrackedService } from "./tracked-services.ts";

/** How a service is to be read. */
export interface Ask {
  /** Hand its answer on whatever the index: the last one may be of before an outage. */
  readonly isForced?: boolean;
  /** Let Consul hold the question for a moment until there is something newer than this. */
  readonly newerThan?: bigint;
  /** There is something newer than that: read again until it is there. */
  readonly isKnownToBeThere?: boolean;
}

/** Services to read: those that rang first, then those that are only looked after. */
export interface ReadQueue {
  /** Reads a service as soon as there is a socket; once more when it is being read already. */
  soon(entry: TrackedService, ask?: Ask): void;
  /** Reads services as soon as possible, and hands their answers on whatever the index. */
  allAnew(entries: Iterable<TrackedService>): void;
  /** Reads services when nothing else is to be read. Resolves when all are read or have failed once. */
  whenIdle(entries: readonly TrackedService[]): Promise<void>;
  /** Whether there is nothing to read. */
  isIdle(): boolean;
  /** Holds all reads back, or lets them go on. */
  hold(isHeld: boolean): void;
}

/** Reads that only look after services leave room for those that rang. */
const IDLE_READS_AT_ONCE = 8;
/** So many services that wait are many: reading them together is tried. */
const MANY = 32;
/** Failures in a row, of whatever services, after which one read at a time finds out whether Consul is back. */
const FAILURES_UNTIL_ONE_BY_ONE = 4;

export function createReadQueue(
  context: Pick<ConsulContext, "reads" | "outage">,
  options: {
    readonly signal: AbortSignal;
    readonly read: (entry: TrackedService, ask: Ask) => Promise<void>;
    /** Reads many services together. When it fails they are read one by one. */
    readonly readMany: (entries: readonly TrackedService[]) => Promise<void>;
    /** Whether a service can be read together with so many others. */
    readonly isForMany: (entry: TrackedService, count: number) => boolean;
    readonly onFailure: (entry: TrackedService, error: AppError) => void;
  },
): ReadQueue {
  const { signal, read, readMany, isForMany, onFailure } = options;
  const urgent = new Map<TrackedService, Ask>();
  const idle = new Set<TrackedService>();
  const running = new Set<TrackedService>();
  /** Of those that run, how many have a read of their own. */
  let reads = 0;
  let waitingForIdle: (() => void)[] = [];
  let failuresInARow = 0;
  let isHeld = false;
  let isResting = false;

  return {
    soon,
    allAnew(entries) {
      for (const entry of entries) urgent.set(entry, { isForced: true });
      pumpMany();
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
      if (wasHeld && !now) pumpMany();
    },
  };

  function soon(entry: TrackedService, ask: Ask = {}): void {
    const asked = urgent.get(entry);
    urgent.set(entry, asked?.isForced === true ? { ...ask, isForced: true } : ask);
    pump();
  }

  function pump(): void {
    for (let next = takeNext(); next !== undefined; next = takeNext()) void run(...next);
    if (idle.size > 0) return;
    for (const resolve of waitingForIdle) resolve();
    waitingForIdle = [];
  }

  /** The same, and if many are to be read anew they are read together. */
  function pumpMany(): void {
    if (!isStopped() && urgent.size >= MANY) {
      const anew = [...urgent].filter(([entry, ask]) => ask.isForced && !running.has(entry));
      const many = anew.map(([entry]) => entry).filter((it) => isForMany(it, anew.length));
      if (many.length >= MANY) void runMany(many);
    }
    pump();
  }

  async function runMany(entries: readonly TrackedService[]): Promise<void> {
    for (const entry of entries) {
      urgent.delete(entry);
      idle.delete(entry);
      running.add(entry);
    }
    try {
      await readMany(entries);
    } catch (error) {
      if (!signal.aborted) expected(error);
      for (const entry of entries) urgent.set(entry, { isForced: true });
    } finally {
      for (const entry of entries) running.delete(entry);
      pump();
    }
  }

  function isStopped(): boolean {
    return isHeld || isResting || signal.aborted;
  }

  function takeNext(): [TrackedService, Ask] | undefined {
    if (isStopped()) return undefined;
    const oneByOne = failuresInARow >= FAILURES_UNTIL_ONE_BY_ONE;
    const most = oneByOne ? 1 : context.reads.slots();
    if (reads >= most) return undefined;
    for (const [entry, ask] of urgent) {
      if (running.has(entry)) continue;
      urgent.delete(entry);
      idle.delete(entry);
      return [entry, ask];
    }
    if (reads >= IDLE_READS_AT_ONCE) return undefined;
    for (const entry of idle) {
      if (running.has(entry)) continue;
      idle.delete(entry);
      return [entry, {}];
    }
    return undefined;
  }

  async function run(entry: TrackedService, ask: Ask): Promise<void> {
    if (entry.wanted.size === 0) return;
    running.add(entry);
    reads += 1;
    try {
      await context.reads.run(signal, () => read(entry, ask));
      entry.failures = 0;
      failuresInARow = 0;
    } catch (error) {
      if (!signal.aborted) failed(entry, expected(error));
    } finally {
      running.delete(entry);
      reads -= 1;
      pump();
    }
  }

  function failed(entry: TrackedService, error: AppError): void {
    entry.failures += 1;
    failuresInARow += 1;
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

  /** Whether there is reason to go on. */
  async function pause(failures: number): Promise<boolean> {
    try {
      await context.outage.pause(retryDelayMs(failures, Math.random()), signal);
      return true;
    } catch {
      return false; // closed
    }
  }
}
