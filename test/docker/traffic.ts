import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "../helpers/request.ts";
import { until } from "../helpers/until.ts";
import { docker } from "./docker.ts";

/** How long containers may take on a slow, busy machine. */
export const PATIENCE = { patienceMs: 90_000 };

/** Between two polls: a change takes about a second, and a poll takes much processor time. */
export const POLL_MS = 250;

/** A request whose answer has begun and has not ended. */
export interface UnderWay {
  /** Resolves with the answer once it is complete. @throws when it is broken off */
  readonly rest: Promise<string>;
}

/** Sends a request of a sample service that takes a second, and resolves once its answer has begun. */
export function beginSlow(route: string): Promise<UnderWay> {
  return new Promise((resolve, reject) => {
    http
      .get(`${route}slow/1000`, { agent: false }, (response) => {
        const chunks = response.setEncoding("utf8").toArray();
        const rest = chunks.then((all) => all.join(""));
        rest.catch(() => {}); // a caller awaits it later
        resolve({ rest });
      })
      .on("error", reject);
  });
}

/** Waits until `count` instances answer each of `urls`, and nothing else does. */
export async function untilInstances(count: number, urls: readonly string[]): Promise<void> {
  for (const url of urls) {
    await until(
      `${count} instances answer ${url}`,
      async () => {
        const instances = [...(await instancesAt(url))];
        if (instances.length === count && !instances.some((it) => it.startsWith("status")))
          return true;
        await sleep(POLL_MS);
        throw new Error(instances.join());
      },
      PATIENCE,
    );
  }
}

/** Of three instances kills one and pauses one, until the last answers each of `urls`; then brings both back. */
export async function killOneAndPauseOne(
  containers: readonly string[],
  urls: readonly string[],
): Promise<void> {
  const [first = "", second = ""] = containers;
  await docker(["kill", first]);
  await untilInstances(2, urls);
  await docker(["pause", second]);
  await untilInstances(1, urls);
  await docker(["unpause", second]);
  await docker(["start", first]);
  await untilInstances(3, urls);
}

/** The instances that answer `url`, asked a dozen times. */
async function instancesAt(url: string): Promise<ReadonlySet<string>> {
  const instances = new Set<string>();
  for (let i = 0; i < 12; i += 1) {
    const { status, body } = await request(url);
    const answer = status === 200 ? (JSON.parse(body) as { readonly instance: string }) : undefined;
    instances.add(answer?.instance ?? `status ${status}`);
  }
  return instances;
}
