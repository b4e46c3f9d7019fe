import { readdirSync, readFileSync } from "node:fs";

/** What one process held, over time. */
export interface ProcessSamples {
  take(pid: number): void;
  /** Median resident memory of a part of the samples, from 0 to 1, in MiB. */
  residentMiB(from: number, to: number): number;
  /** Median number of open files, sockets and the like. */
  handles(from: number, to: number): number;
}

export function createProcessSamples(): ProcessSamples {
  const samples: { readonly residentMiB: number; readonly handles: number }[] = [];
  const part = (from: number, to: number) =>
    samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to));
  return {
    take(pid) {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const residentMiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
      samples.push({ residentMiB, handles: readdirSync(`/proc/${pid}/fd`).length });
    },
    residentMiB: (from, to) => median(part(from, to).map((it) => it.residentMiB)),
    handles: (from, to) => median(part(from, to).map((it) => it.handles)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
