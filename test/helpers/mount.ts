import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";

const run = promisify(execFile);

/** Mounts a file system for one test. @throws with the reason when that is not allowed: these tests want root and CAP_SYS_ADMIN */
export async function testMount(
  path: string,
  ...args: readonly string[]
): Promise<{ remount(options: string): Promise<void> }> {
  try {
    await run("mount", [...args, path]);
  } catch (cause) {
    throw new Error(`cannot mount "${path}": run this test as root, with CAP_SYS_ADMIN`, { cause });
  }
  onTestFinished(async () => void (await run("umount", [path])));
  return {
    remount: async (options) => void (await run("mount", ["-o", `remount,${options}`, path])),
  };
}
