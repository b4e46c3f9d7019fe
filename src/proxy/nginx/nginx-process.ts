import { readdir, readFile } from "node:fs/promises";

/** A running master. */
export interface Master {
  readonly pid: number;
  /** Clock ticks from the machine's boot to its start: with the pid it names one process for good. */
  readonly startTicks: number;
  /** Its command line, as nginx shows it in its title. */
  readonly title: string;
}

/** A worker process of a master. */
export interface Worker {
  readonly pid: number;
  /** It takes no new connections and ends when its last one does. */
  readonly isDraining: boolean;
}

/** The process `pid` when it is an nginx master, else `undefined`: nothing else may be signalled. */
export async function readMaster(pid: number): Promise<Master | undefined> {
  const title = await readTitle(pid);
  if (title === undefined || !title.startsWith("nginx: master process")) return undefined;
  const stat = await readText(`/proc/${pid}/stat`);
  const startTicks = Number(fieldsAfterName(stat ?? "")[19]);
  return Number.isFinite(startTicks) ? { pid, startTicks, title } : undefined;
}

/** The workers of a master now, without cache processes. */
export async function readWorkers(master: number): Promise<readonly Worker[]> {
  const workers = await Promise.all(
    (await childrenOf(master)).map(async (pid): Promise<readonly Worker[]> => {
      const title = await readTitle(pid);
      if (!title?.startsWith("nginx: worker process")) return [];
      return [{ pid, isDraining: title.includes("shutting down") }];
    }),
  );
  return workers.flat();
}

/** Milliseconds since the epoch at which a process started, as exact as the kernel's clock tick of 10 ms. */
export async function startedAtMs(startTicks: number): Promise<number> {
  const bootSeconds = /^btime (\d+)$/m.exec((await readText("/proc/stat")) ?? "")?.[1];
  return Number(bootSeconds ?? 0) * 1_000 + startTicks * 10;
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const listed = await readText(`/proc/${pid}/task/${pid}/children`);
  if (listed !== undefined) return listed.split(" ").filter(Boolean).map(Number);
  // Kernels without CONFIG_PROC_CHILDREN.
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(
    pids.map(async (it) => Number(fieldsAfterName((await readText(`/proc/${it}/stat`)) ?? "")[1])),
  );
  return pids.filter((_, i) => parents[i] === pid);
}

/** A name may hold spaces and parentheses: the fields are counted from its last parenthesis. Source: proc(5). */
const fieldsAfterName = (stat: string): readonly string[] =>
  stat.slice(stat.lastIndexOf(")") + 2).split(" ");

async function readTitle(pid: number): Promise<string | undefined> {
  return (await readText(`/proc/${pid}/cmdline`))?.replaceAll("\0", " ").trim();
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined; // the process ended, or is not ours to see
  }
}
