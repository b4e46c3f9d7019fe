/** How a group of processes is ended that does not end by itself. */
export interface EndOptions {
  /** Milliseconds until the group gets SIGTERM, and SIGKILL 2 s later. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The watch over a group's time. */
export interface GroupDeadline {
  /** Whether the group was ended because its time was up. */
  timedOut(): boolean;
  /** Call it once the leader ended: what is left of a group that was being ended is killed. */
  clear(): void;
}

const KILL_DELAY_MS = 2_000;

/** Ends a process group at its timeout, or once the signal aborts, whichever comes first. */
export function endGroupOn(
  leader: number | undefined,
  { timeoutMs, signal }: EndOptions,
): GroupDeadline {
  let timedOut = false;
  let isEnding = false;
  let killTimer: NodeJS.Timeout | undefined;
  const end = () => {
    if (leader === undefined) return;
    isEnding = true;
    signalGroup(leader, "SIGTERM");
    killTimer = setTimeout(() => signalGroup(leader, "SIGKILL"), KILL_DELAY_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeoutMs);
  signal.addEventListener("abort", end, { once: true });
  return {
    timedOut: () => timedOut,
    clear() {
      clearTimeout(timer);
      clearTimeout(killTimer);
      signal.removeEventListener("abort", end);
      if (isEnding && leader !== undefined) signalGroup(leader, "SIGKILL");
    },
  };
}

/** Signals a process group by its leader's pid. Does nothing when the group is gone. */
export function signalGroup(leader: number, name: NodeJS.Signals): void {
  try {
    process.kill(-leader, name);
  } catch {
    // The group is gone already.
  }
}
