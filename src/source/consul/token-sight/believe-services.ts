import type { ServiceSummary } from "../../../catalog/instance.ts";
import {
  type AnswerValue,
  type Query,
  queryText,
  type ServiceQuery,
} from "../../../catalog/query.ts";
import { mapConcurrently } from "../aggregate-watch/map-concurrently.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import { type Believed, believed } from "./believed.ts";
import type { Judgement } from "./judgement.ts";
import { isEmpty } from "./lost-parts.ts";
import { noteEnds, presenceOf } from "./presence.ts";
import * as unseen from "./unseen.ts";

export async function believeServices(
  query: Query & { readonly kind: "services" },
  { index, value }: IndexedAnswer<AnswerValue>,
  { before, isSilent, ask, sight }: Judgement & { readonly isSilent: boolean },
): Promise<Believed> {
  const after = value as readonly ServiceSummary[];
  if (after.length === 0) throw unseen.seesNoService(where(query));
  const then = (before?.value ?? []) as readonly ServiceSummary[];
  const names = new Set(after.map(({ name }) => name));
  const lost = then.filter(({ name }) => !names.has(name));
  const isFirst = before?.index === undefined;
  const noted = isFirst ? noteEnds(query, index, { ask, sight }) : undefined;
  if (lost.length > 0) await noted;
  const hidden = isSilent ? lost : await hiddenOf(lost, query, { ask, sight });
  const all = hidden.length === 0 ? after : [...after, ...hidden].toSorted(byName);
  sight.listed.set(query.datacenter ?? "", new Set(all.map(({ name }) => name)));
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

export async function believeInstances(
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

const plainQuery = (name: string, datacenter: string | undefined): ServiceQuery => ({
  kind: "service",
  name,
  ...(datacenter === undefined ? {} : { datacenter }),
});

const where = ({ datacenter }: { readonly datacenter?: string }): string =>
  datacenter === undefined ? "" : ` in ${datacenter}`;
