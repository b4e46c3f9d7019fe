import type { CatalogNode, KeyValue, ServiceSummary } from "../../../catalog/instance.ts";
import { elementsOf, isListOfParts } from "../../../catalog/part.ts";
import {
  type AnswerValue,
  type Query,
  queryText,
  type ServiceQuery,
} from "../../../catalog/query.ts";
import type { AppError } from "../../../errors.ts";
import { mapConcurrently } from "../aggregate-watch/map-concurrently.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import { believeKeys, believeNoKeys } from "./believe-keys.ts";
import type { Believed } from "./believed.ts";
import { type Ask, isNodeHidden, noteEnds, presenceOf } from "./presence.ts";
import type { Sight } from "./sight.ts";
import * as unseen from "./unseen.ts";

/** What an answer is judged by. */
export interface Judgement {
  /** What is believed of the answer before; nothing at the first one. */
  readonly before: IndexedAnswer<AnswerValue> | undefined;
  /**
   * Whether Consul was asked for a change since that answer, which was believed as it came: then equal indexes mean that there
   * was none.
   */
  readonly isContinued: boolean;
  readonly ask: Ask;
  readonly sight: Sight;
}

/**
 * Decides what of an answer of Consul is believed: what is gone from it may only be out of the token's sight. Whatever was
 * really removed is believed at once.
 *
 * @throws {AppError} CONSUL_UNSEEN when nothing of it is, else what `ask` throws
 */
export async function believe(
  query: Query,
  answer: IndexedAnswer<AnswerValue>,
  judgement: Judgement,
): Promise<IndexedAnswer<Believed>> {
  const { before, isContinued } = judgement;
  const isSilent = isContinued && before?.index === answer.index;
  const lost = isSilent ? lostSince(query, before.value, answer.value) : 0;
  if (before !== undefined && lost > 0 && query.kind !== "services") {
    const count = elementsOf(query, before.value).size;
    const value = withLost(query, before.value, answer.value);
    return { ...answer, value: { value, doubt: unseen.seesLess(queryText(query), lost, count) } };
  }
  switch (query.kind) {
    case "services":
      return believed(answer, await believeServices(query, answer, { ...judgement, isSilent }));
    case "service":
    case "connect":
      return await believeInstances(query, answer, judgement);
    case "nodes":
      return believed(answer, await believeNodes(query, answer, judgement));
    case "node":
      return believed(answer, await believeNode(query, answer, judgement));
    case "tree":
      return believed(
        answer,
        before === undefined
          ? await believeNoKeys(query, answer.value as readonly KeyValue[], judgement.ask)
          : await believeKeys(query, {
              before: before.value as readonly KeyValue[],
              after: answer.value as readonly KeyValue[],
              ask: judgement.ask,
            }),
      );
    case "prepared": {
      // Its answers have no index of their own.
      const isEmptied = isEmpty(answer.value) && before !== undefined && !isEmpty(before.value);
      if (isEmptied && judgement.sight.isNarrow()) throw lessThan(query, before.value);
      return believed(answer, { value: answer.value });
    }
    case "key": // Consul refuses what the token may not read
    case "datacenters":
    case "caRoots":
    case "caLeaf":
    case "file":
    case "interfaces":
      return believed(answer, { value: answer.value });
  }
}

const believed = (
  answer: IndexedAnswer<AnswerValue>,
  value: Believed,
): IndexedAnswer<Believed> => ({
  ...answer,
  value,
});

const isEmpty = (value: AnswerValue): boolean => (value as readonly unknown[]).length === 0;

const lessThan = (query: Query, before: AnswerValue): AppError => {
  const { size } = elementsOf(query, before);
  return unseen.seesLess(queryText(query), size, size);
};

/** How many parts are in one answer only. A node without its services has lost all. */
function lostSince(query: Query, before: AnswerValue, after: AnswerValue): number {
  if (query.kind === "node") {
    return Math.max(0, servicesOn(before) - servicesOn(after));
  }
  if (!isListOfParts(query)) return before !== null && after === null ? 1 : 0;
  const now = elementsOf(query, after);
  return [...elementsOf(query, before).keys()].filter((part) => !now.has(part)).length;
}

const servicesOn = (value: AnswerValue): number =>
  value === null ? 0 : (value as { readonly services: readonly unknown[] }).services.length + 1;

/** Both answers together, in the order of the first one. */
function withLost(query: Query, before: AnswerValue, after: AnswerValue): AnswerValue {
  if (!isListOfParts(query)) return before;
  const now = elementsOf(query, after);
  const then = elementsOf(query, before);
  const kept = [...then].map(([part, element]) => now.get(part) ?? element);
  const gained = [...now].filter(([part]) => !then.has(part)).map(([, element]) => element);
  return [...kept, ...gained] as unknown as AnswerValue;
}

const where = ({ datacenter }: { readonly datacenter?: string }): string =>
  datacenter === undefined ? "" : ` in ${datacenter}`;

async function believeServices(
  query: Query & { readonly kind: "services" },
  { index, value }: IndexedAnswer<AnswerValue>,
  { before, isSilent, ask, sight }: Judgement & { readonly isSilent: boolean },
): Promise<Believed> {
  const after = value as readonly ServiceSummary[];
  if (after.length === 0) throw unseen.seesNoService(where(query));
  const then = (before?.value ?? []) as readonly ServiceSummary[];
  const names = new Set(after.map(({ name }) => name));
  const lost = then.filter(({ name }) => !names.has(name));
  const hidden = isSilent ? lost : await hiddenOf(lost, query, { ask, sight });
  const all = hidden.length === 0 ? after : [...after, ...hidden].toSorted(byName);
  sight.listed.set(query.datacenter ?? "", new Set(all.map(({ name }) => name)));
  if (before === undefined) void noteEnds(query, index, { ask, sight });
  if (hidden.length === 0) return { value: after };
  const hiddenNames = hidden.map(({ name }) => name);
  return { value: all, doubt: unseen.seesFewerServices(hiddenNames, then.length) };
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : 1;

/** Those of the lost services that were not deregistered. */
async function hiddenOf(
  lost: readonly ServiceSummary[],
  { datacenter }: { readonly datacenter?: string },
  parts: Pick<Judgement, "ask" | "sight">,
): Promise<readonly ServiceSummary[]> {
  const presence = new Map<ServiceSummary, string>();
  await mapConcurrently(lost, async (summary) => {
    const plain = plainQuery(summary.name, datacenter);
    presence.set(summary, (await presenceOf(plain, undefined, parts)).kind);
  });
  const isNarrow = [...presence.values()].includes("hidden");
  return lost.filter((summary) => {
    const kind = presence.get(summary);
    return kind === "hidden" || kind === "there" || (kind === "unclear" && isNarrow);
  });
}

const plainQuery = (name: string, datacenter: string | undefined): ServiceQuery => ({
  kind: "service",
  name,
  ...(datacenter === undefined ? {} : { datacenter }),
});

async function believeInstances(
  query: Query & { readonly kind: "service" | "connect" },
  answer: IndexedAnswer<AnswerValue>,
  { before, ask, sight }: Judgement,
): Promise<IndexedAnswer<Believed>> {
  const asItIs = believed(answer, { value: answer.value });
  const wasEmpty = before !== undefined && isEmpty(before.value);
  if (!isEmpty(answer.value) || wasEmpty) return asItIs;
  const { name, datacenter } = query;
  const plain = plainQuery(name, datacenter);
  const isPlain = queryText(plain) === queryText(query);
  const presence = await presenceOf(plain, isPlain ? answer : undefined, { ask, sight });
  if (presence.kind === "hidden") throw unseen.seesNoInstance(name, presence.isListed);
  if (presence.kind === "there" && isPlain) {
    return believed(presence.answer, { value: presence.answer.value });
  }
  if (presence.kind === "unclear" && (await isNarrowed(plain, { ask, sight }))) {
    throw unseen.seesNoInstance(name, false);
  }
  return asItIs;
}

/** Others that are looked for to find out whether the token sees less than before. */
const MOST_OTHERS = 3;

/** Whether another service than this one is out of the token's sight that was in the last list. */
async function isNarrowed(
  { name, datacenter }: ServiceQuery,
  parts: Pick<Judgement, "ask" | "sight">,
): Promise<boolean> {
  const { ask, sight } = parts;
  const listed = sight.listed.get(datacenter ?? "") ?? new Set();
  const at = datacenter === undefined ? {} : { datacenter };
  const { value } = await ask({ kind: "services", ...at });
  const now = new Set((value as readonly ServiceSummary[]).map((it) => it.name));
  const others = [...listed].filter((it) => it !== name && !now.has(it));
  // Nobody deregisters the service "consul".
  const first = others.toSorted((a, b) => Number(b === "consul") - Number(a === "consul"));
  for (const other of first.slice(0, MOST_OTHERS)) {
    const presence = await presenceOf(plainQuery(other, datacenter), undefined, parts);
    if (presence.kind === "hidden") return true;
  }
  return false;
}

async function believeNodes(
  query: Query & { readonly kind: "nodes" },
  { value }: IndexedAnswer<AnswerValue>,
  { before, ask }: Judgement,
): Promise<Believed> {
  const { filter, datacenter } = query;
  const after = value as readonly CatalogNode[];
  if (after.length === 0) {
    const at = datacenter === undefined ? {} : { datacenter };
    const all = filter === undefined ? value : (await ask({ kind: "nodes", ...at })).value;
    if (isEmpty(all)) throw unseen.seesNoNode(where(query));
  }
  const then = (before?.value ?? []) as readonly CatalogNode[];
  const names = new Set(after.map(({ name }) => name));
  const hidden = new Set<CatalogNode>();
  const lost = then.filter(({ name }) => !names.has(name));
  await mapConcurrently(lost, async (node) => {
    if (await isNodeHidden(node.name, { datacenter, ask })) hidden.add(node);
  });
  if (hidden.size === 0) return { value };
  const kept = then.filter((node) => names.has(node.name) || hidden.has(node));
  const hiddenNames = [...hidden].map(({ name }) => name);
  return {
    value: withLost(query, kept, after),
    doubt: unseen.seesFewerNodes(hiddenNames.toSorted(), then.length),
  };
}

async function believeNode(
  query: Query & { readonly kind: "node" },
  { value }: IndexedAnswer<AnswerValue>,
  { before, ask }: Judgement,
): Promise<Believed> {
  const { node, datacenter } = query;
  const wasGone = before !== undefined && before.value === null;
  if (value !== null || wasGone) return { value };
  if (node === undefined) throw unseen.seesNoNode(where(query)); // the agent's own is always there
  if (await isNodeHidden(node, { datacenter, ask })) throw unseen.seesNoNode(where(query));
  return { value };
}
