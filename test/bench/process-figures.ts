import { readdir, readFile, readlink } from "node:fs/promises";

/** Memory that a process holds, in MiB. Source: proc(5), "/proc/pid/status". */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
}

/** The most memory that a process held so far, in MiB. */
export async function mostResidentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
}

/** Linux counts in hundredths of a second for programs. */
const TICK_MS = 10;

/** Processor time of a process itself, in ms: without the commands that it ran. Source: proc(5), "/proc/pid/stat". */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Connections that a process has with `port` of this machine. Source: proc(5), "/proc/net/tcp". */
export async function connectionsTo(port: number, pid: number): Promise<number> {
  const peer = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const table = (await readFile("/proc/net/tcp", "utf8")).split("\n").slice(1);
  const inodes = new Set(
    table
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , remote]) => remote?.endsWith(peer))
      .map((fields) => fields[9]),
  );
  const open = await readdir(`/proc/${pid}/fd`);
  const targets = await Promise.all(
    open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")),
  );
  return targets.filter((it) => inodes.has(/^socket:\[(\d+)\]$/.exec(it)?.[1])).length;
}
