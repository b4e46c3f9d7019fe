import { setMaxListeners } from "node:events";
import { type AnswerValue, type Query, queryText } from "../../../catalog/query.ts";
import type { ConsulConfig } from "../../../config/consul-schema.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import type { ConsulClient } from "../consul-client.ts";
import { readQuery } from "../read-query.ts";
import { coalesce } from "./coalesce.ts";
import { type Ask, NOBODY } from "./presence.ts";

/**
 * Makes an {@link Ask}. Many answers that are examined at the same time share the reads of what they are compared with.
 *
 * Such a read needs no slot of its own: whoever asks has one, and does not use its socket meanwhile.
 */
export function createAsk(
  client: ConsulClient,
  { config, signal }: { readonly config: ConsulConfig; readonly signal: AbortSignal },
): Ask {
  const ending = AbortSignal.any([signal]);
  setMaxListeners(0, ending); // one for each read
  const shared = new Map<string, () => Promise<IndexedAnswer<AnswerValue>>>();
  const read = (query: Query) =>
    readQuery(client, query, { config, index: 0n, waitMs: 0, signal: ending });

  return async (query) => {
    if (!isShared(query)) return await read(query);
    const text = queryText(query);
    const known = shared.get(text) ?? coalesce(() => read(query));
    shared.set(text, known);
    return await known();
  };
}

/** There are few such queries. */
const isShared = (query: Query): boolean =>
  query.kind === "services" || (query.kind === "service" && query.name === NOBODY);
