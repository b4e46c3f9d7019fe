import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An unnamed file that a command writes its output to. */
export interface OutputFile {
  readonly descriptor: number;
  /** Its first bytes. */
  readHead(limitBytes: number): string;
  close(): void;
}

/** The first is in memory. It is writable also in a container whose root file system is read-only. */
const PLACES = ["/dev/shm", tmpdir()];

/** Opens a file for this user alone. It disappears once everyone has closed it. Opens none where nothing can be written. */
export function openOutputFile(): OutputFile | undefined {
  for (const place of PLACES) {
    const path = join(place, `fairlead-${randomUUID()}`);
    try {
      const descriptor = openSync(path, "ax+", 0o600);
      unlinkSync(path);
      return {
        descriptor,
        readHead(limitBytes) {
          const buffer = Buffer.alloc(limitBytes);
          return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, limitBytes, 0));
        },
        close: () => closeSync(descriptor),
      };
    } catch {
      // Not writable here.
    }
  }
  return undefined;
}
