import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type KeptAnswer, writeLastKnownGood } from "./last-known-good-file.ts";

/** Writes the last known good answers once in a while, some time after the changes. */
interface Saver {
  /** Notes that there is something new to write. */
  changed(): void;
}

/** Changes are joined until nothing changed for this long. */
const QUIET_MS = 1_000;
/** They are written after this long at the latest. */
const AT_MOST_MS = 10_000;
/** The least time between two writes. */
const REST_MS = 30_000;

/** Answers that are never written to a disk: they hold private keys. */
const NEVER_KEPT: ReadonlySet<string> = new Set(["caLeaf"]);

/**
 * @param options.refreshMs how often to write although nothing changed, so that the age shows how long Consul has
 * been away, not how long nothing changed
 * @param options.isFresh   whether the answers are Consul's present ones
 */
export function createSaver(options: {
  readonly path: string;
  readonly refreshMs: number;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly answers: () => Promise<readonly KeptAnswer[]>;
  readonly isFresh: () => boolean;
}): Saver {
  const { path, refreshMs, log, signal, answers, isFresh } = options;
  let timer: NodeJS.Timeout | undefined;
  let firstChangeMs: number | undefined;
  let isBusy = false;
  let restUntilMs = 0;
  let isBroken = false;
  signal.addEventListener("abort", () => clearTimeout(timer));

  return {
    changed() {
      firstChangeMs ??= performance.now();
      if (!isBusy) saveSoon();
    },
  };

  function saveSoon(): void {
    const nowMs = performance.now();
    const latestMs = (firstChangeMs ?? nowMs) + AT_MOST_MS;
    saveAt(Math.max(restUntilMs, Math.min(nowMs + QUIET_MS, latestMs)));
  }

  function saveAt(atMs: number): void {
    clearTimeout(timer);
    if (signal.aborted) return;
    timer = setTimeout(() => void save(), Math.max(0, atMs - performance.now()));
    timer.unref();
  }

  async function save(): Promise<void> {
    isBusy = true;
    const isRefresh = firstChangeMs === undefined;
    firstChangeMs = undefined;
    if (!isRefresh || isFresh()) await write();
    isBusy = false;
    restUntilMs = performance.now() + REST_MS;
    if (firstChangeMs === undefined) saveAt(performance.now() + refreshMs);
    else saveSoon();
  }

  /** A failed write is logged once, and ends nothing else. */
  async function write(): Promise<void> {
    try {
      const kept = (await answers()).filter(({ query }) => !NEVER_KEPT.has(query.kind));
      await writeLastKnownGood(path, kept, new Date());
      isBroken = false;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (!isBroken) log.warn({ err: error, hint: error.hint }, error.message);
      isBroken = true;
    }
  }
}
