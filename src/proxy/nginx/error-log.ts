import { statSync } from "node:fs";
import { open } from "node:fs/promises";

/** The part of a log file that is written after a moment. */
export interface LogTail {
  /** Lines written since that moment, at most the last 64 KiB. Empty when the file cannot be read. */
  lines(): Promise<readonly string[]>;
}

const LIMIT_BYTES = 64 * 1024;

/** Notes where the file ends now. A file that is rotated later is read from its start. */
export function tailFromNow(path: string | undefined): LogTail {
  const from = path === undefined ? 0 : sizeOf(path);
  return {
    async lines() {
      if (path === undefined) return [];
      const size = sizeOf(path);
      const start = Math.max(size < from ? 0 : from, size - LIMIT_BYTES);
      return (await readRange(path, start, size)).split("\n").filter((line) => line !== "");
    },
  };
}

/** Synchronous: it is called often, and Node's thread pool would take ten times as long. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

async function readRange(path: string, start: number, end: number): Promise<string> {
  if (end <= start) return "";
  try {
    const handle = await open(path, "r");
    try {
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(end - start),
        0,
        end - start,
        start,
      );
      return buffer.subarray(0, bytesRead).toString("utf8");
    } finally {
      await handle.close();
    }
  } catch {
    return "";
  }
}
