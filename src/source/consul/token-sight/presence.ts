import { setTimeout as sleep } from "node:timers/promises";
import type { Instance, ServiceSummary } from "../../../catalog/instance.ts";
import type { AnswerValue, Query, ServiceQuery } from "../../../catalog/query.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import type { Sight } from "./sight.ts";

/*
 * Measured with Consul 1.8.7, ACLs on:
 * - A token that may not see something gets the rest with 200, and the index is the one that everybody gets. A change of a
 *   policy moves no index and wakes no blocking query; a blocked one is filtered by the policy of its start.
 * - /health/service/NAME has the index of the service's own last change while it has an instance, whatever the token sees. Once
 *   its last instance is deregistered, the index is that of the last such end of any service, and so is the index
 *   of a name that never was a service. Where no service has ended yet, that is the index of the list of services.
 * - /catalog/node/NAME answers `null` for a node that is out of sight, with the catalog's index, and for one that is not
 *   there, with index 1.
 * - /kv/KEY answers 403 where the token may not read the key, and 404 where it is not there; with ?recurse 404 in both cases.
 */

/** Reads a query now, without waiting for a change. @throws {AppError} CONSUL or CONSUL_REFUSED */
export type Ask = (query: Query) => Promise<IndexedAnswer<AnswerValue>>;

/** What became of a service that an answer no longer shows. */
export type Presence =
  | { readonly kind: "gone" }
  /** It is there, and the token does not see it. */
  | { readonly kind: "hidden"; readonly isListed: boolean }
  /** It has instances in the meantime. */
  | { readonly kind: "there"; readonly answer: IndexedAnswer<AnswerValue> }
  /** It is gone, or hidden and the last that changed in a catalog in which no service has ended yet. */
  | { readonly kind: "unclear" };

/** No service and no node has this name. */
export const NOBODY = "fairlead-no-such-name";
/** While services end all the time, the indexes of two reads do not fit together. */
const ATTEMPTS = 8;
/** A server that lags behind has caught up. */
const LAG_MS = 150;

/** @param empty the answer without an instance, if there is one */
export async function presenceOf(
  plain: ServiceQuery,
  empty: IndexedAnswer<AnswerValue> | undefined,
  { ask, sight }: { readonly ask: Ask; readonly sight: Sight },
): Promise<Presence> {
  const at = plain.datacenter === undefined ? {} : { datacenter: plain.datacenter };
  const key = `${plain.datacenter ?? ""}\n${plain.name}`;
  let seen = empty ?? (await ask(plain));
  let isConfirmed = false;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (isThere(seen)) return found({ kind: "there", answer: seen });
    if (seen.isFiltered === true || sight.hiddenAt.get(key) === seen.index) return await hidden();
    const ended = await ask({ kind: "service", name: NOBODY, ...at });
    if (ended.index === seen.index) {
      const { isListed, isBlind, index } = await list();
      if (isBlind) return await hidden();
      if (!isListed && sight.ended.has(plain.datacenter ?? "")) return found({ kind: "gone" });
      if (!isListed && index === ended.index) return found({ kind: "unclear" });
      // A change between the two reads would look like an end before it.
      const later = await ask({ kind: "service", name: NOBODY, ...at });
      if (!isListed && later.index === ended.index) return found({ kind: "gone" });
    }
    const again = await ask(plain);
    if (!isThere(again) && again.index === seen.index) {
      if (isConfirmed) return await hidden();
      isConfirmed = true;
      await sleep(LAG_MS);
    }
    seen = again;
  }
  return await hidden();

  async function hidden(): Promise<Presence> {
    sight.hiddenAt.set(key, seen.index);
    return { kind: "hidden", isListed: (await list()).isListed };
  }

  function found(presence: Presence): Presence {
    sight.hiddenAt.delete(key);
    return presence;
  }

  async function list(): Promise<{
    readonly isListed: boolean;
    /** Whether the token sees no service at all, not even `consul`. */
    readonly isBlind: boolean;
    readonly index: bigint;
  }> {
    const { index, value } = await ask({ kind: "services", ...at });
    const names = (value as readonly ServiceSummary[]).map(({ name }) => name);
    return { isListed: names.includes(plain.name), isBlind: names.length === 0, index };
  }
}

/**
 * Notes whether a service has ended in a datacenter before, which makes the end of the next one sure at once. A failure is left
 * to the queries themselves.
 *
 * @param listIndex the index of a list of services that was read before
 */
export async function noteEnds(
  { datacenter }: { readonly datacenter?: string },
  listIndex: bigint,
  { ask, sight }: { readonly ask: Ask; readonly sight: Sight },
): Promise<void> {
  const at = datacenter === undefined ? {} : { datacenter };
  try {
    const { index } = await ask({ kind: "service", name: NOBODY, ...at });
    if (index < listIndex) sight.ended.add(datacenter ?? "");
  } catch {
    return; // it is not known then
  }
}

const isThere = ({ value }: IndexedAnswer<AnswerValue>): boolean =>
  (value as readonly Instance[]).length > 0;

/** Whether a node that an answer no longer shows is out of sight, and not gone. */
export async function isNodeHidden(
  node: string,
  { datacenter, ask }: { readonly datacenter: string | undefined; readonly ask: Ask },
): Promise<boolean> {
  const at = datacenter === undefined ? {} : { datacenter };
  const { index, value, isFiltered } = await ask({ kind: "node", node, ...at });
  if (value !== null) return false;
  return isFiltered === true || index !== (await ask({ kind: "node", node: NOBODY, ...at })).index;
}
