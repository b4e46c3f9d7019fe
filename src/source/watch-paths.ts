import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { watch } from "chokidar";

/*
 * chokidar hears that something happened; what it was, a look tells. Hearing is only quicker than looking now and then: where
 * it fails, as for a file system that tells nothing, nothing is lost.
 */

/** How often is looked whether or not anything was heard: symbolic links further up change in silence. */
const POLL_MS = 1_000;
/** A file is read once it stays the same for this long: half of it can be a valid one. */
const QUIET_MS = 50;
/** Of a row of events only one leads to a look. */
const JOIN_MS = 10;
/** Editors and deployments take a file away, or empty it, before the new content is there. */
const ABSENT_MS = 500;

/** What is there: a fingerprint of each file, by its path. */
type Look = ReadonlyMap<string, string>;

/**
 * Tells when the content at some paths changes, until `signal` aborts. Directories count with all below them.
 *
 * It looks at what a path leads to, not at the path: a file that is replaced by a rename, and a symbolic link
 * on the way that is pointed elsewhere, as Kubernetes does with mounted ConfigMaps, are changes as well.
 *
 * @param onChange told the paths that changed, appeared or vanished, once they stay as they are
 */
export function watchPaths(
  paths: readonly string[],
  { signal, onChange }: { signal: AbortSignal; onChange: (changed: readonly string[]) => void },
): void {
  let wake: () => void = () => undefined;
  const ear = watch([...paths], { ignoreInitial: true, depth: DEEPEST });
  ear.on("all", () => wake()).on("error", () => undefined);
  signal.addEventListener("abort", close, { once: true });
  void follow(look(paths));

  async function follow(first: Promise<Look>): Promise<void> {
    let known = await first;
    while (!signal.aborted) {
      await heardOrPoll();
      await sleep(JOIN_MS);
      const now = await look(paths);
      if (signal.aborted || changes(known, now).length === 0) continue;
      const settled = await settle(now);
      const changed = changes(known, settled);
      known = settled;
      if (!signal.aborted && changed.length > 0) onChange(changed);
    }
  }

  async function heardOrPoll(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function settle(from: Look): Promise<Look> {
    let last = from;
    let sameForMs = 0;
    while (sameForMs < (isWhole(last) ? QUIET_MS : ABSENT_MS) && !signal.aborted) {
      await sleep(QUIET_MS);
      const now = await look(paths);
      sameForMs = changes(last, now).length === 0 ? sameForMs + QUIET_MS : 0;
      last = now;
    }
    return last;
  }

  function isWhole(seen: Look): boolean {
    return paths.every((path) => seen.get(path) !== ABSENT) && ![...seen.values()].some(isEmpty);
  }

  function close(): void {
    void ear.close();
    wake();
  }
}

const ABSENT = "absent";
const DIRECTORY = "directory";
const isEmpty = (print: string): boolean => print.startsWith("0 ");

async function look(paths: readonly string[]): Promise<Look> {
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

const changes = (before: Look, after: Look): readonly string[] =>
  [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  );
