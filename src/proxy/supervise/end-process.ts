import { setTimeout as sleep } from "node:timers/promises";
import { readGroup, readProcess } from "../process-table.ts";

const POLL_MS = 20;
/** How long a process may take to end after SIGTERM. */
const TERMINATE_MS = 800;

/** The process that founded a group. Only it gets the signals that ask for an end. */
export interface GroupLeader {
  readonly pid: number;
  readonly startTicks: number;
}

/**
 * Ends a process and all of its group: with `stopSignal`, with SIGTERM after `graceMs`, and by force 0.8 s later.
 * Resolves once no process of the group runs.
 *
 * @param options.stopSignal the signal for a graceful end, such as SIGQUIT for nginx
 */
export async function endProcess(
  leader: GroupLeader,
  options: { readonly stopSignal: NodeJS.Signals; readonly graceMs: number },
): Promise<"gracefully" | "at once" | "by force"> {
  const how = await endLeader(leader, options);
  await killGroup(leader.pid);
  return how;
}

async function endLeader(
  leader: GroupLeader,
  { stopSignal, graceMs }: { readonly stopSignal: NodeJS.Signals; readonly graceMs: number },
) {
  send(leader.pid, stopSignal);
  if (await isGoneWithin(graceMs, () => !isRunning(leader))) return "gracefully";
  send(leader.pid, "SIGTERM");
  if (await isGoneWithin(TERMINATE_MS, () => !isRunning(leader))) return "at once";
  return "by force";
}

/** Ends a group whose leader died: gracefully, then by force. Resolves once no process of it runs. */
export async function endGroup(
  group: number,
  { stopSignal, graceMs }: { readonly stopSignal: NodeJS.Signals; readonly graceMs: number },
): Promise<void> {
  if (readGroup(group).length === 0) return;
  send(-group, stopSignal);
  await isGoneWithin(graceMs, () => readGroup(group).length === 0);
  await killGroup(group);
}

async function killGroup(group: number): Promise<void> {
  if (readGroup(group).length === 0) return;
  send(-group, "SIGKILL");
  await isGoneWithin(TERMINATE_MS, () => readGroup(group).length === 0);
}

/** Whether that very process still runs. */
export function isRunning({ pid, startTicks }: GroupLeader): boolean {
  const entry = readProcess(pid);
  return entry !== undefined && entry.startTicks === startTicks && !entry.isZombie;
}

/** Sends a signal to a process, or with a negative number to a group. Does nothing when it is gone. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}

async function isGoneWithin(ms: number, isGone: () => boolean): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (!isGone()) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}
