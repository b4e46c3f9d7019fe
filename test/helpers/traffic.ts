import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "./request.ts";

/** Requests at a steady rate, half of them over connections of their own. */
export interface Traffic {
  readonly sent: () => number;
  /** What was not answered with status 200: when, where and why. */
  readonly failures: readonly string[];
  /** Sends nothing more until it is resumed. Resolves once all that was sent is answered. */
  pause(): Promise<void>;
  resume(): void;
  /** Ends it, and resolves once all that was sent is answered. */
  stop(): Promise<TrafficResult>;
}

interface TrafficResult {
  readonly sent: number;
  /** Answers with status 200. */
  readonly answered: number;
  readonly failures: readonly string[];
  /** One entry for each second in which a request was sent, from the first one on. */
  readonly bySecond: readonly TrafficSecond[];
}

/** The requests that were sent in one second. */
interface TrafficSecond {
  /** Since the start; the first one is 0. */
  readonly second: number;
  /** How many ended in which way: by status, such as `200`, or by the error's code, such as `ECONNREFUSED`. */
  readonly counts: Readonly<Record<string, number>>;
}

interface TrafficOptions {
  /** To each URL. */
  readonly perSecond?: number;
  /** The most requests without an answer. A busy machine gets fewer requests instead of a queue that only grows. */
  readonly maxOutstanding?: number;
}

const TICK_MS = 5;

/** Sends `perSecond` requests to each of `urls` until it is stopped. */
export function startTraffic(
  urls: readonly string[],
  { perSecond = 25, maxOutstanding = 30 * urls.length }: TrafficOptions = {},
): Traffic {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  const pending = new Set<Promise<void>>();
  const failures: string[] = [];
  const seconds = new Map<number, Record<string, number>>();
  const beginMs = performance.now();
  let sent = 0;
  let answered = 0;
  let isPaused = false;
  const ending = new AbortController();
  const running = run();

  return {
    sent: () => sent,
    failures,
    async pause() {
      isPaused = true;
      await Promise.all(pending);
    },
    resume() {
      isPaused = false;
    },
    async stop() {
      ending.abort();
      await running;
      await Promise.all(pending);
      agent.destroy();
      const bySecond = [...seconds].map(([second, counts]) => ({ second, counts }));
      return { sent, answered, failures, bySecond };
    },
  };

  async function run(): Promise<void> {
    let dueMs = beginMs;
    for (let round = 0; !ending.signal.aborted; ) {
      for (; dueMs < performance.now(); dueMs += 1_000 / perSecond) {
        if (isPaused || pending.size + urls.length > maxOutstanding) continue;
        round += 1;
        for (const url of urls) send(url, round % 2 === 0);
      }
      await sleep(TICK_MS);
    }
  }

  function send(url: string, isReused: boolean): void {
    sent += 1;
    const second = Math.floor((performance.now() - beginMs) / 1_000);
    const counts = seconds.get(second) ?? {};
    seconds.set(second, counts);
    const count = (end: string) => {
      counts[end] = (counts[end] ?? 0) + 1;
    };
    const fail = (why: string) => failures.push(`${new Date().toISOString()} ${url}: ${why}`);
    const one = request(url, isReused ? { agent } : {})
      .then(({ status }) => {
        count(String(status));
        if (status === 200) answered += 1;
        else fail(`status ${status}`);
      })
      .catch((error: NodeJS.ErrnoException) => {
        count(error.code ?? error.message);
        fail(error.message);
      })
      .finally(() => pending.delete(one));
    pending.add(one);
  }
}
