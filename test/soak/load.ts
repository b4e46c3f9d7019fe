import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../helpers/request.ts";

const PER_SECOND = 25;
/** A machine that is busy elsewhere gets fewer requests instead of a queue that only grows. */
const OUTSTANDING = 30;

/** Requests at a steady rate, half of them over connections of their own. */
export interface Load {
  readonly sent: () => number;
  /** When and why requests failed that a healthy server could have answered. */
  readonly failures: readonly string[];
  /** While the proxy itself is down, nothing is asked. Resolves once all that was asked is answered. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
}

export function startLoad(target: string): Load {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 10 });
  const pending = new Set<Promise<void>>();
  const failures: string[] = [];
  let sent = 0;
  let paused = false;
  const ending = new AbortController();
  const running = run();

  return {
    sent: () => sent,
    failures,
    async pause() {
      paused = true;
      await Promise.all(pending);
    },
    resume() {
      paused = false;
    },
    async stop() {
      ending.abort();
      await running;
      await Promise.all(pending);
      agent.destroy();
    },
  };

  async function run(): Promise<void> {
    let dueMs = performance.now();
    while (!ending.signal.aborted) {
      for (; dueMs < performance.now(); dueMs += 1_000 / PER_SECOND) {
        if (!paused && pending.size < OUTSTANDING) send();
      }
      await sleep(10);
    }
  }

  function send(): void {
    sent += 1;
    const fail = (why: string) => failures.push(`${new Date().toISOString()} ${why}`);
    const one = request(target, sent % 2 === 0 ? { agent } : {})
      .then(({ status }) => void (status === 200 || fail(`status ${status}`)))
      .catch((error: Error) => void fail(error.message))
      .finally(() => pending.delete(one));
    pending.add(one);
  }
}
