import { isDeepStrictEqual } from "node:util";
import type { Instance } from "../../../catalog/instance.ts";
import type { AnswerValue } from "../../../catalog/query.ts";
import { shareUnchanged } from "../../../catalog/share-unchanged.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import type { ConsulContext } from "../consul-context.ts";
import { readQuery } from "../read-query.ts";
import { believe } from "../token-sight/believe.ts";
import type { ReadOptions } from "./read-queue.ts";
import type { TrackedService } from "./tracked-services.ts";

/** How long Consul may hold a read that waits for a server which lags behind. */
const CATCH_UP_MS = 250;
/** An index that is lower this often does not come from a server that lags behind, but from another history. */
const OLDER_UNTIL_TAKEN = 3;

/**
 * Reads a service, and delivers its answers if they are newer than the last ones.
 *
 * @returns whether they are newer
 * @throws {AppError} CONSUL
 */
export async function readService(
  context: ConsulContext,
  entry: TrackedService,
  { how, signal }: { readonly how: ReadOptions; readonly signal: AbortSignal },
): Promise<boolean> {
  const { client, config } = context;
  const before = entry.index;
  const answer = await readQuery(client, entry.plain, {
    config,
    index: how.newerThan ?? 0n,
    waitMs: CATCH_UP_MS,
    signal,
  });
  // Even a forced read does not replace an answer that came meanwhile.
  const isForced = how.isForced === true && entry.index === before;
  if (!isForced && !isNewer(entry, answer)) return false;
  if (isPlain(entry)) return await takePlain(context, entry, { answer, isForced });
  const { index, value } = await believed(context, entry, { answer, isForced });
  const answers = await readWanted(context, entry, { plain: value, signal });
  // The index is that of the first read: a later change is noticed at the next one.
  note(context, entry, { index, isFromBulk: false });
  for (const [text, own] of answers) deliver(context, entry, { text, value: own });
  return true;
}

interface PlainAnswer {
  readonly answer: IndexedAnswer<AnswerValue>;
  /** Whether the answer before may be of another history, so that equal indexes mean nothing. */
  readonly isForced: boolean;
}

/**
 * Delivers an answer to the plain query. For services whose queries are all plain.
 *
 * @returns whether it was; not when another answer came meanwhile
 * @throws {AppError} CONSUL, or CONSUL_UNSEEN when it is not believed
 */
export async function takePlain(
  context: ConsulContext,
  entry: TrackedService,
  plain: PlainAnswer,
): Promise<boolean> {
  const before = entry.index;
  const { index, value } = await believed(context, entry, plain);
  if (entry.index !== before) return false;
  takeInstances(context, entry, { index, isFromBulk: false, instances: value });
  return true;
}

/** @throws {AppError} CONSUL, or CONSUL_UNSEEN when it is not believed: the answer before stays in force */
async function believed(
  { ask, sight }: ConsulContext,
  { plain, index, instances, isFromBulk }: TrackedService,
  { answer, isForced }: PlainAnswer,
): Promise<IndexedAnswer<readonly Instance[]>> {
  const before = index === undefined ? undefined : { index, value: instances };
  const isContinued = !isForced && !isFromBulk;
  const result = await believe(plain, answer, { before, isContinued, ask, sight });
  if (result.value.doubt !== undefined) throw result.value.doubt;
  return { ...result, value: result.value.value as readonly Instance[] };
}

/** Whether the plain answer has everything that is wanted of a service, so that it can be read together with others. */
export const isPlain = (entry: TrackedService): boolean =>
  [...entry.wanted.values()].every((query) => query.tag === undefined && query.near === undefined);

/** Delivers what was read of a service together with others. For services whose queries are all plain. */
export function takeFromBulk(
  context: ConsulContext,
  entry: TrackedService,
  { index, instances }: { readonly index: bigint; readonly instances: readonly Instance[] },
): void {
  takeInstances(context, entry, { index, isFromBulk: true, instances });
}

function takeInstances(
  context: ConsulContext,
  entry: TrackedService,
  {
    instances,
    ...rest
  }: Pick<TrackedService, "isFromBulk" | "instances"> & { readonly index: bigint },
): void {
  const value = shareUnchanged(entry.instances, instances) as readonly Instance[];
  entry.instances = value;
  note(context, entry, rest);
  for (const text of entry.wanted.keys()) deliver(context, entry, { text, value });
}

/** Notes that an answer was taken. */
function note(
  context: ConsulContext,
  entry: TrackedService,
  of: { readonly index: bigint; readonly isFromBulk: boolean },
): void {
  Object.assign(entry, { ...of, older: 0, lagged: 0, changedAtMs: context.clock.now() });
}

function isNewer(entry: TrackedService, { index, value }: IndexedAnswer<AnswerValue>): boolean {
  if (entry.index === undefined || index > entry.index) return true;
  // A policy of the token moves no index, and decides what is seen.
  if (index === entry.index && !entry.isFromBulk) return !isDeepStrictEqual(value, entry.instances);
  // A service's own index is lower than that of the time at which it was read together with others.
  if (index === entry.index || entry.isFromBulk) return false;
  entry.older += 1;
  return entry.older >= OLDER_UNTIL_TAKEN;
}

/** Answers to all wanted queries about the service. */
async function readWanted(
  { client, config }: ConsulContext,
  entry: TrackedService,
  { plain, signal }: { readonly plain: readonly Instance[]; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, AnswerValue>> {
  const instances = shareUnchanged(entry.instances, plain) as readonly Instance[];
  const answers = new Map<string, AnswerValue>();
  for (const [text, query] of entry.wanted) {
    const isPlainQuery = query.tag === undefined && query.near === undefined;
    const value = isPlainQuery
      ? instances
      : (await readQuery(client, query, { config, index: 0n, waitMs: 0, signal })).value;
    answers.set(text, value);
  }
  entry.instances = instances;
  return answers;
}

function deliver(
  { outage, listener, sight }: ConsulContext,
  entry: TrackedService,
  { text, value }: { readonly text: string; readonly value: AnswerValue },
): void {
  const query = entry.wanted.get(text);
  sight.note(text, undefined);
  if (query !== undefined) outage.answered(text, () => listener.answered(query, value));
}
