import { setTimeout as sleep } from "node:timers/promises";
import { request } from "./request.ts";

/** Requests that go on until they are stopped. */
export interface Traffic {
  /** How many were answered, and what went wrong with the others. */
  stop(): Promise<{ readonly answered: number; readonly failures: readonly string[] }>;
}

const PAUSE_MS = 40;

/** Asks every one of `urls` over and over, each time over a connection of its own. */
export function startTraffic(urls: readonly string[]): Traffic {
  const failures: string[] = [];
  let answered = 0;
  const stopping = new AbortController();
  const ended = Promise.all(urls.map(ask));
  return {
    async stop() {
      stopping.abort();
      await ended;
      return { answered, failures };
    },
  };

  async function ask(url: string): Promise<void> {
    while (!stopping.signal.aborted) {
      const said = await request(url).then(
        ({ status }) => (status === 200 ? undefined : `status ${status}`),
        (error: Error) => error.message,
      );
      if (said === undefined) answered += 1;
      else failures.push(`${url}: ${said}`);
      await sleep(PAUSE_MS);
    }
  }
}
