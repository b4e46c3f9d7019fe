import { lstatSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

/** What a temporary directory is for. It is the beginning of its name. */
export type TemporaryPurpose = "case" | "check" | "stage" | "vcl";

/**
 * Makes an empty directory below the system's temporary one, for this user alone. Whoever asked removes it; where a
 * process was killed before it could, the next one that asks does.
 */
export async function makeTemporaryDirectory(purpose: TemporaryPurpose): Promise<string> {
  removeAbandoned();
  const owner = `${pidNamespace()}-${process.pid}`;
  return await mkdtemp(join(tmpdir(), `fairlead-${purpose}-${owner}-`));
}

/** Whether a path is one that {@link makeTemporaryDirectory} made, for this user. */
export function isTemporaryDirectory(path: string): boolean {
  if (dirname(path) !== tmpdir() || !NAME.test(basename(path))) return false;
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.geteuid?.();
}

/** Removes one, also while what a killed process had started still writes in there. */
export function removeTemporaryDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}

const NAME = /^fairlead-(?:case|check|stage|vcl)-(\d+)-(\d+)-\w{6}$/;

/** Those whose process is gone. A process of another container cannot be seen: its directories are left alone. */
function removeAbandoned(): void {
  const here = pidNamespace();
  for (const name of readdirSync(tmpdir())) {
    const [, namespace, pid] = NAME.exec(name) ?? [];
    const path = join(tmpdir(), name);
    if (namespace !== here || isRunning(Number(pid)) || !isTemporaryDirectory(path)) continue;
    try {
      removeTemporaryDirectory(path);
    } catch {
      // Somebody else removes it at this moment, or what it started still writes: the next one will.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Which processes a process id is one of. Source: pid_namespaces(7). */
function pidNamespace(): string {
  return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
}
