import type { KeyValue } from "../../../catalog/instance.ts";
import { type Query, queryText } from "../../../catalog/query.ts";
import { AppError } from "../../../errors.ts";
import { mapConcurrently } from "../aggregate-watch/map-concurrently.ts";
import type { Believed } from "./believed.ts";
import type { Ask } from "./presence.ts";
import { seesNoKey } from "./unseen.ts";

type TreeQuery = Query & { readonly kind: "tree" };

/** Policies are about prefixes of keys: of many lost keys it is enough to ask for some. */
const MOST_ASKED = 64;

/**
 * Decides what of a tree is believed that lost keys: those that the token may no longer read are kept. Consul leaves them out of
 * a tree without a word, and refuses each one alone.
 */
export async function believeKeys(
  query: TreeQuery,
  {
    before,
    after,
    ask,
  }: {
    readonly before: readonly KeyValue[];
    readonly after: readonly KeyValue[];
    readonly ask: Ask;
  },
): Promise<Believed> {
  const now = new Set(after.map(({ key }) => key));
  const lost = before.filter(({ key }) => !now.has(key));
  const asked = spread(lost);
  const refused: string[] = [];
  const removed = new Set<string>();
  await mapConcurrently(asked, async ({ key }) => {
    const state = await stateOf(key, query, ask);
    if (state === "refused") refused.push(key);
    else if (state === "removed") removed.add(key);
  });
  if (refused.length === 0) return { value: after };
  const kept = lost.filter(({ key }) => !removed.has(key));
  const value = [...after, ...kept].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const words = `${kept.length} of its ${before.length} keys any more, such as "${refused.toSorted()[0]}"`;
  return { value, doubt: seesNoKey(queryText(query), words) };
}

/** Decides whether a first answer without keys is believed. @throws {AppError} CONSUL_UNSEEN */
export async function believeNoKeys(
  query: TreeQuery,
  value: readonly KeyValue[],
  ask: Ask,
): Promise<Believed> {
  if (value.length > 0) return { value };
  const { prefix } = query;
  const below = `${prefix}${prefix === "" || prefix.endsWith("/") ? "" : "/"}fairlead-no-such-key`;
  for (const key of [below, ...(prefix === "" ? [] : [prefix])]) {
    if ((await stateOf(key, query, ask)) !== "refused") return { value };
  }
  throw seesNoKey(queryText(query), `keys below "${prefix}"`);
}

/** @throws {AppError} CONSUL when Consul cannot be asked */
async function stateOf(
  key: string,
  { datacenter }: TreeQuery,
  ask: Ask,
): Promise<"refused" | "removed" | "there"> {
  const at = datacenter === undefined ? {} : { datacenter };
  try {
    const { value } = await ask({ kind: "key", key, ...at });
    return value === null ? "removed" : "there";
  } catch (error) {
    if (error instanceof AppError && error.code === "CONSUL_REFUSED") return "refused";
    throw error;
  }
}

/** Some of many, from the first to the last. */
function spread<T>(all: readonly T[]): readonly T[] {
  if (all.length <= MOST_ASKED) return all;
  const step = (all.length - 1) / (MOST_ASKED - 1);
  return Array.from({ length: MOST_ASKED }, (_, i) => all[Math.round(i * step)] as T);
}
