import { chmodSync, lstatSync, rmSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { openStateDirectory, readStateFile, writeStateFile } from "../../apply/state-directory.ts";

/**
 * Where what varnishd shall compile is copied to: its compiler is a user of its own, which may not enter the state
 * directory. A note in there tells the next start what a process that was killed left behind.
 */
export interface Scratch {
  /** Keeps its note in a proxy's directory of the state from now on, and removes what that tells of. @throws {AppError} SWAP */
  noteIn(home: string): void;
  /**
   * Does `work`, which may ask for an empty directory; what it puts there is removed in the end. There is one directory:
   * whoever calls waits for the work before.
   */
  use<T>(work: (open: () => Promise<string>) => Promise<T>): Promise<T>;
  close(): void;
}

const PREFIX = "fairlead-vcl-";

export function createScratch(): Scratch {
  let note: string | undefined;
  let directory: string | undefined;

  return {
    noteIn(home) {
      if (directory !== undefined) return; // it is in use, by this process
      note = join(home, "scratch");
      const left = readStateFile(note)?.trim();
      if (left !== undefined && isOurs(left)) rmSync(left, { recursive: true, force: true });
      rmSync(note, { force: true });
    },
    async use(work) {
      try {
        return await work(async () => {
          directory ??= await make();
          return directory;
        });
      } finally {
        if (directory !== undefined) await empty(directory);
      }
    },
    close() {
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
      if (note !== undefined) rmSync(note, { force: true });
      directory = undefined;
    },
  };

  async function make(): Promise<string> {
    const made = await mkdtemp(join(tmpdir(), PREFIX));
    chmodSync(made, 0o755);
    if (note !== undefined) {
      openStateDirectory(dirname(note));
      await writeStateFile(note, made);
    }
    return made;
  }
}

async function empty(directory: string): Promise<void> {
  const names = await readdir(directory);
  await Promise.all(names.map((name) => rm(join(directory, name), { recursive: true })));
}

/** Whoever can write the note shall not choose what is removed. */
function isOurs(path: string): boolean {
  if (dirname(path) !== tmpdir() || !/^fairlead-vcl-\w{6}$/.test(basename(path))) return false;
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.geteuid?.();
}
