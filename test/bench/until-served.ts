import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../helpers/request.ts";
import type { BenchSite } from "./bench-site.ts";

/** How long it takes, in ms, from just before a change until the site answers with another generation. */
export async function untilServed(
  { generationUrl }: Pick<BenchSite, "generationUrl">,
  change: () => Promise<void>,
): Promise<number> {
  const before = await readGeneration(generationUrl);
  const begin = performance.now();
  await change();
  for (;;) {
    const now = await readGeneration(generationUrl);
    if (now !== undefined && now !== before) return performance.now() - begin;
    await sleep(1);
  }
}

/** None where an ending worker closed a connection on which nothing had been sent yet: then it is asked again. */
async function readGeneration(url: string): Promise<string | undefined> {
  try {
    return (await request(url)).body;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return undefined;
    throw error;
  }
}
