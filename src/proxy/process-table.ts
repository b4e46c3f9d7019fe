import { readdirSync, readFileSync } from "node:fs";

/*
 * Reads processes from the kernel. /proc is in memory, so that synchronous reads take only microseconds.
 */

/** One process. The pid and the start time together identify it: the kernel uses a pid again one day. */
export interface ProcessEntry {
  readonly pid: number;
  /** Clock ticks from the machine's boot to its start. */
  readonly startTicks: number;
  readonly parent: number;
  /** The id of its process group: the pid of the process that founded it. */
  readonly group: number;
  readonly isZombie: boolean;
}

/** The process `pid`, or `undefined` when there is none. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const stat = readProcText(`${pid}/stat`);
  if (stat === undefined) return undefined;
  // A name may hold spaces and parentheses: the fields are counted from its last parenthesis. Source: proc(5).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    startTicks: Number(fields[19]),
    parent: Number(fields[1]),
    group: Number(fields[2]),
    isZombie: fields[0] === "Z" || fields[0] === "X",
  };
}

/** The processes of a group that still run. */
export function readGroup(group: number): readonly ProcessEntry[] {
  return readAll().filter((entry) => entry.group === group && !entry.isZombie);
}

/** The pids of a process's children, including those that ended and were not waited for. */
export function readChildren(pid: number): readonly number[] {
  const listed = readProcText(`${pid}/task/${pid}/children`);
  if (listed !== undefined) return listed.split(" ").filter(Boolean).map(Number);
  // Kernels without CONFIG_PROC_CHILDREN.
  return readAll()
    .filter((entry) => entry.parent === pid)
    .map((entry) => entry.pid);
}

/** A file below /proc; `undefined` when the process ended, or this user may not read it. */
export function readProcText(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return undefined;
  }
}

function readAll(): readonly ProcessEntry[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => readProcess(Number(pid)) ?? []);
}
