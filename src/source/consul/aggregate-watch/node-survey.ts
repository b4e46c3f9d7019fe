import type { IndexedAnswer } from "../blocking-query.ts";
import { type ConsulContext, expected } from "../consul-context.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import { type NodeContent, readNode } from "./read-node.ts";
import type { Ask, ReadQueue } from "./read-queue.ts";
import type { TrackedService } from "./tracked-services.ts";

/**
 * Finds services whose definition changed by reading what each node runs: where there are fewer nodes than
 * services that is far less than looking at each service, and it names what changed.
 */
export interface NodeSurvey {
  /** Whether there are so few nodes that it is worth it. */
  isWorthIt(): boolean;
  /**
   * Looks at all nodes, and has services read that are named.
   *
   * @param since Consul's index of the change that is looked for
   * @returns whether all nodes could be read. It was too early where a service has not been read yet: what it is read
   * from may be older than what changed
   */
  look(since: bigint): Promise<Outcome>;
  /** The same for one node. */
  lookAt(node: string): Promise<Outcome>;
  /** The same of an answer that is there. */
  heard(node: string, answer: IndexedAnswer<NodeContent>): Outcome;
  /** What was read before does not count any more. */
  forget(): void;
}

type Outcome = "done" | "too early" | "failed";

/** The services of one datacenter, and what has them read. */
export interface Surveyed {
  readonly datacenter: string | undefined;
  readonly book: ReadonlyMap<string, TrackedService>;
  readonly queue: ReadQueue;
  readonly nodes: () => readonly string[];
  readonly signal: AbortSignal;
}

export function createNodeSurvey(context: ConsulContext, options: Surveyed): NodeSurvey {
  const { datacenter, book, queue, nodes, signal } = options;
  /** Of nodes on which nothing had changed when they were read. */
  const prints = new Map<string, string>();

  return {
    isWorthIt: () => nodes().length > 0 && nodes().length * 2 <= book.size,
    forget: () => prints.clear(),
    lookAt: (node) => lookAt(node, { since: 0n, here: () => placesOn(node) }),
    heard: (node, { index, value }) =>
      readNamed({ index, services: value.services, here: placesOn(node) }).outcome,
    async look(since) {
      let places: Places | undefined;
      const placed = () => (places ??= placesOf(book.values()));
      const outcomes = new Set<Outcome>();
      await mapConcurrently(nodes(), async (node) => {
        outcomes.add(await lookAt(node, { since, here: () => placed().get(node) ?? [] }));
      });
      forgetGone(nodes());
      if (outcomes.has("failed")) return "failed";
      return outcomes.has("too early") ? "too early" : "done";
    },
  };

  async function lookAt(
    node: string,
    { since, here }: { readonly since: bigint; readonly here: () => readonly Place[] },
  ): Promise<Outcome> {
    try {
      const answer = await readNode(context, node, { datacenter, since, signal });
      if (prints.get(node) === answer.print) return "done";
      prints.delete(node);
      const { services } = answer.content();
      const { outcome, count } = readNamed({ index: answer.index, services, here: here() });
      if (outcome === "done" && count === 0) prints.set(node, answer.print);
      return outcome;
    } catch (error) {
      if (!signal.aborted) expected(error);
      return "failed";
    }
  }

  /** Has the services read that an answer names. */
  function readNamed(heard: Heard): {
    readonly outcome: "done" | "too early";
    readonly count: number;
  } {
    const { named, isTooEarly } = namedBy(heard, book);
    for (const [entry, ask] of named) queue.soon(entry, ask);
    return { outcome: isTooEarly ? "too early" : "done", count: named.size };
  }

  function placesOn(node: string): readonly Place[] {
    return [...book.values()].flatMap((entry) =>
      entry.instances.filter((it) => it.node === node).map(({ id }) => ({ id, entry })),
    );
  }

  function forgetGone(now: readonly string[]): void {
    const there = new Set(now);
    for (const node of prints.keys()) if (!there.has(node)) prints.delete(node);
  }
}

/** Instances that are known, by node. */
type Places = ReadonlyMap<string, readonly Place[]>;

interface Place {
  readonly id: string;
  readonly entry: TrackedService;
}

/** What a node was heard to run, and which instances are known there. */
interface Heard {
  readonly index: bigint;
  readonly services: NodeContent["services"];
  readonly here: readonly Place[];
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
 * service's answer, or an instance is gone. An answer that is older than a service's own says nothing of what is gone.
 */
function namedBy(
  { index: heardIndex, services, here }: Heard,
  book: ReadonlyMap<string, TrackedService>,
): { readonly named: ReadonlyMap<TrackedService, Ask>; readonly isTooEarly: boolean } {
  const named = new Map<TrackedService, Ask>();
  const known = new Map(here.map(({ id, entry }) => [id, entry]));
  const there = new Set<string>();
  let isTooEarly = false;
  for (const service of services) {
    const id = String(service["ID"]);
    there.add(id);
    const entry = book.get(String(service["Service"]));
    if (entry === undefined) continue;
    if (entry.index === undefined) isTooEarly = true;
    else if (BigInt(Number(service["ModifyIndex"])) > entry.index) named.set(entry, newer(entry));
    // Its node was not in the list of nodes when services were read together.
    else if (entry.isFromBulk && known.get(id) !== entry) named.set(entry, { isForced: true });
  }
  for (const [id, entry] of known) {
    const { index } = entry;
    if (!there.has(id) && index !== undefined && heardIndex > index) named.set(entry, newer(entry));
  }
  return { named, isTooEarly };
}

const newer = (entry: TrackedService): Ask => ({
  newerThan: entry.index ?? 0n,
  isKnownToBeThere: true,
});
