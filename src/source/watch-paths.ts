import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { watch } from "chokidar";

/*
 * chokidar reports that something happened; a scan finds out what. Its events only make that quicker than scanning at an
 * interval: where there are none, as on a file system that sends none, nothing is missed.
 */

/** Scans happen at least this often: a symbolic link further up changes without an event. */
const POLL_MS = 1_000;
/** A file is read once it stays the same for this long: half of it can be a valid file. */
const QUIET_MS = 50;
/** A series of events leads to one scan. */
const JOIN_MS = 10;
/** Editors and deployments remove a file, or empty it, before the new content is there. */
const ABSENT_MS = 500;

/** A fingerprint of each file, by its path. */
type Scan = ReadonlyMap<string, string>;

/**
 * Reports changes of content at some paths, until `signal` aborts. A directory includes everything below it.
 *
 * It scans the files that a path leads to, not the path itself: a file that is replaced by a rename, and a symbolic link
 * on the way that is pointed elsewhere, as Kubernetes does with mounted ConfigMaps, are changes as well.
 *
 * @param onChange called with the paths that changed, appeared or vanished, once they stay as they are
 */
export function watchPaths(
  paths: readonly string[],
  { signal, onChange }: { signal: AbortSignal; onChange: (changed: readonly string[]) => void },
): void {
  let wake: () => void = () => undefined;
  const watcher = watch([...paths], { ignoreInitial: true, depth: DEEPEST });
  watcher.on("all", () => wake()).on("error", () => undefined);
  signal.addEventListener("abort", close, { once: true });
  void follow(scan(paths));

  async function follow(first: Promise<Scan>): Promise<void> {
    let known = await first;
    while (!signal.aborted) {
      await eventOrPoll();
      await sleep(JOIN_MS);
      const now = await scan(paths);
      if (signal.aborted || changes(known, now).length === 0) continue;
      const quiet = await untilQuiet(now);
      const changed = changes(known, quiet);
      known = quiet;
      if (!signal.aborted && changed.length > 0) onChange(changed);
    }
  }

  async function eventOrPoll(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function untilQuiet(from: Scan): Promise<Scan> {
    let last = from;
    let sameForMs = 0;
    while (sameForMs < (isComplete(last) ? QUIET_MS : ABSENT_MS) && !signal.aborted) {
      await sleep(QUIET_MS);
      const now = await scan(paths);
      sameForMs = changes(last, now).length === 0 ? sameForMs + QUIET_MS : 0;
      last = now;
    }
    return last;
  }

  function isComplete(seen: Scan): boolean {
    return paths.every((path) => seen.get(path) !== ABSENT) && ![...seen.values()].some(isEmpty);
  }

  function close(): void {
    void watcher.close();
    wake();
  }
}

const ABSENT = "absent";
const DIRECTORY = "directory";
const isEmpty = (fingerprint: string): boolean => fingerprint.startsWith("0 ");

async function scan(paths: readonly string[]): Promise<Scan> {
  const seen = new Map<string, string>();
  for (const path of paths) await visit(path, seen, DEEPEST);
  return seen;
}

/** Directories deeper than this are a loop of links. */
const DEEPEST = 20;

async function visit(path: string, seen: Map<string, string>, depth: number): Promise<void> {
  try {
    const found = await stat(path);
    const { ino, size, mtimeMs, ctimeMs, dev } = found;
    const isDirectory = found.isDirectory();
    seen.set(path, isDirectory ? DIRECTORY : `${size} ${dev} ${ino} ${mtimeMs} ${ctimeMs}`);
    if (!isDirectory || depth === 0) return;
    for (const name of await readdir(path)) await visit(join(path, name), seen, depth - 1);
  } catch {
    seen.set(path, ABSENT);
  }
}

const changes = (before: Scan, after: Scan): readonly string[] =>
  [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
