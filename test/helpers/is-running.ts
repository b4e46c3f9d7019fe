import { readFile } from "node:fs/promises";

/** Whether a process runs. One that has ended but was not waited for yet is a zombie. */
export async function isRunning(pid: number | undefined): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}
