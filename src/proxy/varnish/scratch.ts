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
 * Where what varnishd shall compile is copied to, and `varnishd -C` keeps what it makes: its compiler is a user of its own,
 * which may not enter the state directory. A note in there tells the next start what a process that was killed left
 * behind, also one of a container whose processes are gone.
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

export function createScratch(): Scratch {
  let note: string | undefined;
  let directory: string | undefined;

  return {
    noteIn(home) {
      if (directory !== undefined) return; // it is in use, by this process
      note = join(home, "scratch");
      const left = readStateFile(note)?.trim();
      // Whoever can write the note shall not choose what is removed.
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
    chmodSync(made, 0o711); // what is in there is to be read, not to be found
    if (note !== undefined) {
      openStateDirectory(dirname(note));
      await writeStateFile(note, made);
    }
    return made;
  }
}

/** A directory in the scratch for `varnishd -C` to write in, as root's does as another user. */
export async function openForCompiler(scratch: string): Promise<string> {
  const directory = await mkdtemp(join(scratch, "compile-")); // whom it is not told to does not find it
  if (process.geteuid?.() === 0) await chmod(directory, 0o1777);
  return directory;
}

async function empty(directory: string): Promise<void> {
  const names = await readdir(directory);
  await Promise.all(names.map((name) => rm(join(directory, name), { recursive: true })));
}
