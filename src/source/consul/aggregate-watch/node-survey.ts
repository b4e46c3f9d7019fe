import type { IndexedAnswer } from "../blocking-query.ts";
import { type ConsulContext, expectedError } from "../consul-context.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import { type NodeContent, readNode } from "./read-node.ts";
import type { ReadOptions, ReadQueue } from "./read-queue.ts";
import type { TrackedService } from "./tracked-services.ts";

/**
 * Finds services whose definition changed by reading the services of each node: where there are fewer nodes than
 * services that takes far fewer reads than each service would, and it names those that changed.
 */
export interface NodeSurvey {
  /** Whether there are few enough nodes. */
  isWorthIt(): boolean;
  /**
   * Reads all nodes, and then the services that changed.
   *
   * @param since Consul's index of the change to find
   * @returns whether all nodes could be read. It was too early when a service had not been read yet: the answer that it
   * will have may be older than the change
   */
  readAll(since: bigint): Promise<SurveyResult>;
  /** The same for one node. */
  read(node: string): Promise<SurveyResult>;
  /** The same with an answer that came already. */
  takeAnswer(node: string, answer: IndexedAnswer<NodeContent>): SurveyResult;
  /** What was read before no longer counts. */
  forget(): void;
}

type SurveyResult = "done" | "too early" | "failed";

/** The tracked services of one datacenter, with its nodes and the queue that reads services. */
export interface Surveyed {
  readonly datacenter: string | undefined;
  readonly tracked: ReadonlyMap<string, TrackedService>;
  readonly queue: ReadQueue;
  readonly nodes: () => readonly string[];
  readonly signal: AbortSignal;
}

export function createNodeSurvey(context: ConsulContext, options: Surveyed): NodeSurvey {
  const { datacenter, tracked, queue, nodes, signal } = options;
  /** Of nodes on which nothing had changed when they were read. */
  const fingerprints = new Map<string, string>();

  return {
    isWorthIt: () => nodes().length > 0 && nodes().length * 2 <= tracked.size,
    forget: () => fingerprints.clear(),
    read: (node) => readOne(node, { since: 0n, known: () => placesOn(node) }),
    takeAnswer: (node, { index, value }) =>
      readChanged({ index, services: value.services, known: placesOn(node) }).result,
    async readAll(since) {
      let places: Places | undefined;
      const placed = () => (places ??= placesOf(tracked.values()));
      const results = new Set<SurveyResult>();
      await mapConcurrently(nodes(), async (node) => {
        results.add(await readOne(node, { since, known: () => placed().get(node) ?? [] }));
      });
      forgetGone(nodes());
      if (results.has("failed")) return "failed";
      return results.has("too early") ? "too early" : "done";
    },
  };

  async function readOne(
    node: string,
    { since, known }: { readonly since: bigint; readonly known: () => readonly Place[] },
  ): Promise<SurveyResult> {
    try {
      const answer = await readNode(context, node, { datacenter, since, signal });
      if (fingerprints.get(node) === answer.fingerprint) return "done";
      fingerprints.delete(node);
      const { services } = answer.content();
      const { result, count } = readChanged({ index: answer.index, services, known: known() });
      if (result === "done" && count === 0) fingerprints.set(node, answer.fingerprint);
      return result;
    } catch (error) {
      if (!signal.aborted) expectedError(error);
      return "failed";
    }
  }

  /** Reads the services that an answer shows to have changed. */
  function readChanged(answer: NodeState): {
    readonly result: "done" | "too early";
    readonly count: number;
  } {
    const { changed, isTooEarly } = changedBy(answer, tracked);
    for (const [entry, how] of changed) queue.soon(entry, how);
    return { result: isTooEarly ? "too early" : "done", count: changed.size };
  }

  function placesOn(node: string): readonly Place[] {
    return [...tracked.values()].flatMap((entry) =>
      entry.instances.filter((it) => it.node === node).map(({ id }) => ({ id, entry })),
    );
  }

  function forgetGone(now: readonly string[]): void {
    const there = new Set(now);
    for (const node of fingerprints.keys()) if (!there.has(node)) fingerprints.delete(node);
  }
}

/** Instances that are known, by node. */
type Places = ReadonlyMap<string, readonly Place[]>;

interface Place {
  readonly id: string;
  readonly entry: TrackedService;
}

/** The services of a node, and the instances that are known there. */
interface NodeState {
  readonly index: bigint;
  readonly services: NodeContent["services"];
  readonly known: readonly Place[];
}

function placesOf(entries: Iterable<TrackedService>): Places {
  const places = new Map<string, Place[]>();
  for (const entry of entries) {
    for (const { node, id } of entry.instances) {
      const others = places.get(node);
      if (others === undefined) places.set(node, [{ id, entry }]);
      else others.push({ id, entry });
    }
  }
  return places;
}

/**
 * Services that changed since they were read, and how to read them: an instance's index is higher than that of the
 * service's answer, or an instance is gone. An answer that is older than a service's own proves no absence.
 */
function changedBy(
  { index: nodeIndex, services, known }: NodeState,
  tracked: ReadonlyMap<string, TrackedService>,
): { readonly changed: ReadonlyMap<TrackedService, ReadOptions>; readonly isTooEarly: boolean } {
  const changed = new Map<TrackedService, ReadOptions>();
  const entryById = new Map(known.map(({ id, entry }) => [id, entry]));
  const present = new Set<string>();
  let isTooEarly = false;
  for (const service of services) {
    const id = String(service["ID"]);
    present.add(id);
    const entry = tracked.get(String(service["Service"]));
    if (entry === undefined) continue;
    if (entry.index === undefined) isTooEarly = true;
    else if (BigInt(Number(service["ModifyIndex"])) > entry.index) changed.set(entry, newer(entry));
    // Its node was not in the list of nodes when services were read together.
    else if (entry.isFromBulk && entryById.get(id) !== entry)
      changed.set(entry, { isForced: true });
  }
  for (const [id, entry] of entryById) {
    const { index } = entry;
    if (!present.has(id) && index !== undefined && nodeIndex > index)
      changed.set(entry, newer(entry));
  }
  return { changed, isTooEarly };
}

const newer = (entry: TrackedService): ReadOptions => ({
  newerThan: entry.index ?? 0n,
  isKnownToExist: true,
});
