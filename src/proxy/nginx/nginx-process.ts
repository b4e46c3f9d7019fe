import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import type { Generation } from "../../apply/proxy-driver.ts";
import { readChildren, readProcess, readProcText } from "../process-table.ts";

/* Reads nginx's processes from the kernel and from the pid file. */

/** A running master. */
export interface Master {
  readonly pid: number;
  /** Clock ticks from the machine's boot to its start. With the pid it identifies one process. */
  readonly startTicks: number;
  /** Its command line, as nginx shows it in its title. */
  readonly title: string;
}

/** A worker process of a master. */
export interface Worker {
  readonly pid: number;
  /** It takes no new connections and ends with its last one. */
  readonly isDraining: boolean;
}

/**
 * The process id in a pid file. A file that is missing, or empty as `nginx -t` leaves it, names no process.
 * The id is 1 where nginx is the first process of a container.
 */
export function readPid(pidFile: string): number | undefined {
  const text = readText(pidFile) ?? "";
  return /^\d+\s*$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}

/** The process `pid` when it is an nginx master, else `undefined`: no other process may be signalled. */
export function readMaster(pid: number): Master | undefined {
  const title = readTitle(pid);
  if (title === undefined || !title.startsWith("nginx: master process")) return undefined;
  const entry = readProcess(pid);
  return entry === undefined ? undefined : { pid, startTicks: entry.startTicks, title };
}

/** The workers of a master now, without cache processes. */
export function readWorkers(master: number): readonly Worker[] {
  return readChildren(master).flatMap((pid): readonly Worker[] => {
    const title = readTitle(pid);
    if (!title?.startsWith("nginx: worker process")) return [];
    return [{ pid, isDraining: title.includes("shutting down") }];
  });
}

/** Milliseconds since the epoch at which a process started, as exact as the kernel's clock tick of 10 ms. */
function startedAtMs(startTicks: number): number {
  const bootSeconds = /^btime (\d+)$/m.exec(readProcText("stat") ?? "")?.[1];
  return Number(bootSeconds ?? 0) * 1_000 + startTicks * 10;
}

/** Identifies one master process. */
export const masterIdentity = ({ pid, startTicks }: Master): string => `${pid}@${startTicks}`;

/** Whether the master started after a generation's files were put in place: then it read them. */
export async function startedWith(generation: Generation, master: Master): Promise<boolean> {
  const startedMs = startedAtMs(master.startTicks);
  const changes = await Promise.all(
    generation.paths.map(async (path) => (await stat(path)).ctimeMs),
  );
  // A start time is rounded to whole seconds at worst: within these the order is unknown.
  return changes.every((changedMs) => changedMs < startedMs - 1_000);
}

function readTitle(pid: number): string | undefined {
  return readProcText(`${pid}/cmdline`)?.replaceAll("\0", " ").trim();
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
