import { chmodSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  openStateDirectory,
  readStateFile,
  removeStateFile,
  writeStateFile,
} from "../../apply/disk/state-directory.ts";
import {
  isTemporaryDirectory,
  makeTemporaryDirectory,
  removeTemporaryDirectory,
} from "../../apply/disk/temporary-directory.ts";

/**
 * A directory for copies that varnishd compiles, and for the temporary files of `varnishd -C`. Its compiler runs as a
 * user of its own, which may not enter the state directory. A note in the state directory tells the next start which
 * directory a killed process left, also where the container of that process is gone.
 */
export interface Scratch {
  /** Keeps its note in a proxy's state directory from now on, and removes the directory that the note names. @throws {AppError} SWAP */
  noteIn(home: string): void;
  /**
   * Does `work`, which may open the directory, empty. Its content is removed afterwards. There is one directory, so
   * callers must wait for the work before.
   */
  use<T>(work: (open: () => Promise<string>) => Promise<T>): Promise<T>;
  close(): void;
}

export function createScratch(): Scratch {
  let note: string | undefined;
  let directory: string | undefined;

  return {
    noteIn(home) {
      if (directory !== undefined) return; // it is in use, by this process
      note = join(home, "scratch");
      const left = readStateFile(note)?.trim();
      // The note must not be able to name any other directory for removal.
      if (left !== undefined && isTemporaryDirectory(left)) removeTemporaryDirectory(left);
      removeStateFile(note);
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
      if (directory !== undefined) removeTemporaryDirectory(directory);
      if (note !== undefined) removeStateFile(note);
      directory = undefined;
    },
  };

  async function make(): Promise<string> {
    const made = await makeTemporaryDirectory("vcl");
    chmodSync(made, 0o711); // other users may read files in it by name, but not list it
    if (note !== undefined) {
      openStateDirectory(dirname(note));
      await writeStateFile(note, made);
    }
    return made;
  }
}

/** Makes a directory that `varnishd -C` can write in. When root starts it, it writes as another user. */
export async function openForCompiler(scratch: string): Promise<string> {
  const directory = await mkdtemp(join(scratch, "compile-")); // its name cannot be guessed
  if (process.geteuid?.() === 0) await chmod(directory, 0o1777);
  return directory;
}

async function empty(directory: string): Promise<void> {
  const names = await readdir(directory);
  await Promise.all(names.map((name) => rm(join(directory, name), { recursive: true })));
}
