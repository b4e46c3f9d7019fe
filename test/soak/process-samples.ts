import { readdirSync, readFileSync } from "node:fs";

/** What one process held, over time. */
export interface ProcessSamples {
  take(pid: number): void;
  /**
   * Resident memory of a part of the samples, from 0 to 1, in MiB. Between two full collections of the garbage it grows and
   * falls by half, so that `floor`, which a tenth of the samples are below, tells whether anything is kept.
   */
  residentMiB(
    from: number,
    to: number,
  ): { readonly floor: number; readonly median: number; readonly peak: number };
  /** Median number of open files, sockets and the like. */
  handles(from: number, to: number): number;
}

export function createProcessSamples(): ProcessSamples {
  const samples: { readonly residentMiB: number; readonly handles: number }[] = [];
  const part = (from: number, to: number) =>
    samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to));
  return {
    take(pid) {
      try {
        const status = readFileSync(`/proc/${pid}/status`, "utf8");
        const residentMiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
        samples.push({ residentMiB, handles: readdirSync(`/proc/${pid}/fd`).length });
      } catch {
        // It was killed just now.
      }
    },
    residentMiB(from, to) {
      const all = part(from, to).map((it) => it.residentMiB);
      return { floor: quantile(all, 0.1), median: quantile(all, 0.5), peak: quantile(all, 1) };
    },
    handles: (from, to) =>
      quantile(
        part(from, to).map((it) => it.handles),
        0.5,
      ),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
