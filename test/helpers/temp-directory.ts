import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of one test or demo. */
export interface TempDirectory {
  readonly path: string;
  /** The absolute path of a file in it. */
  at(name: string): string;
  remove(): Promise<void>;
}

/** Makes a directory that every user may read: varnishd and nginx's workers run as others. */
export async function tempDirectory(): Promise<TempDirectory> {
  const path = await mkdtemp(join(tmpdir(), "fairlead-test-"));
  await chmod(path, 0o755);
  return {
    path,
    at: (name) => join(path, name),
    remove: async () => await rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
