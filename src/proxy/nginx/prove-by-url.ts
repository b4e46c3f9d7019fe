import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../errors.ts";

/** Old and new workers answer in turn for a while. So many equal answers in a row come from new workers only. */
const HITS = 10;
const POLL_MS = 20;

/**
 * Resolves once `url` answers `id` ten times in a row, each time over a connection of its own.
 *
 * @returns one clause of evidence
 * @throws {AppError} NOT_PROVED, with the last answer
 */
export async function proveByUrl(
  url: string,
  options: { readonly id: string; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<string> {
  const deadline = performance.now() + options.timeoutMs;
  let hits = 0;
  let last = "no answer";
  while (hits < HITS) {
    if (performance.now() > deadline) {
      throw new AppError(
        "NOT_PROVED",
        `Cannot prove the reload as ${url} did not answer ${options.id} within ${options.timeoutMs} ms: ${last}`,
        {
          hint: "Set proof.url to the built-in location /__fairlead/generation of this nginx",
        },
      );
    }
    last = await get(url, options.signal);
    hits = last === options.id ? hits + 1 : 0;
    if (hits === 0) await sleep(POLL_MS, undefined, { signal: options.signal });
  }
  return `${url} answers ${options.id}`;
}

/** Whether `url` answers `id` now. */
export async function answersId(url: string, id: string, signal: AbortSignal): Promise<boolean> {
  return (await get(url, signal)) === id;
}

/** The body's first 200 characters, or what went wrong. */
async function get(url: string, signal: AbortSignal): Promise<string> {
  return await new Promise((resolve) => {
    const request = http.get(url, { agent: false, timeout: 2_000, signal }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body = (body + chunk).slice(0, 200);
      });
      response.on("end", () =>
        resolve(response.statusCode === 200 ? body.trim() : `status ${response.statusCode}`),
      );
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 2 s")));
    request.on("error", (error) => resolve(error.message));
  });
}
