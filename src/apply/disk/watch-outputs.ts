import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";

/** The interval of the checks; longer for thousands of files, of which each takes microseconds. */
const TICK_MS = 1_000;
const TICK_PER_FILE_MS = 2;
/** Events of one change come together. */
const JOIN_MS = 20;

/**
 * Reports that files may have been changed, emptied or removed, until `signal` aborts: by the events of the file system
 * where it sends them, and else within a second. Changes of Fairlead's own are reported, too.
 *
 * @param options.paths the files to watch now
 */
export function watchOutputs(options: {
  readonly paths: () => readonly string[];
  readonly onChange: () => void;
  readonly signal: AbortSignal;
}): void {
  const { paths, onChange, signal } = options;
  const watchers = new Map<string, FSWatcher>();
  let known = "";
  let timer: NodeJS.Timeout | undefined;
  signal.addEventListener("abort", stop, { once: true });
  tick();

  function tick(): void {
    if (signal.aborted) return;
    clearTimeout(timer);
    const files = paths();
    const now = files.map(fingerprint).join("\n");
    if (now !== known) onChange();
    known = now;
    watchDirectories(new Set(files.map((path) => dirname(path))));
    const nextMs = Math.max(TICK_MS, files.length * TICK_PER_FILE_MS);
    timer = setTimeout(tick, nextMs);
    timer.unref();
  }

  function watchDirectories(directories: ReadonlySet<string>): void {
    for (const [directory, watcher] of watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      watchers.delete(directory);
    }
    for (const directory of directories) {
      if (watchers.has(directory)) continue;
      const watcher = tryWatch(directory);
      if (watcher !== undefined) watchers.set(directory, watcher);
    }
  }

  /** Where there are no events, or no more watches to be had, the tick finds out. */
  function tryWatch(directory: string): FSWatcher | undefined {
    try {
      const watcher = watch(directory, { persistent: false }, soon);
      watcher.on("error", () => {
        watcher.close();
        watchers.delete(directory);
      });
      return watcher;
    } catch {
      return undefined;
    }
  }

  function soon(): void {
    if (signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(tick, JOIN_MS);
    timer.unref();
  }

  function stop(): void {
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  }
}

function fingerprint(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined ? "none" : `${found.ino}/${found.size}/${found.mtimeNs}/${found.mode}`;
}
