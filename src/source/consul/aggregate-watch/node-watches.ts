import { blockingQuery, type IndexedAnswer } from "../blocking-query.ts";
import { type ConsulContext, expected } from "../consul-context.ts";
import { indexOf, jsonOf, requestConsul } from "../consul-request.ts";
import { nodeQuestion } from "../read-query.ts";
import { contentOf, type NodeContent } from "./read-node.ts";

/**
 * A blocking query on each node: where sockets allow, what changed in a service's definition is told at once, by the
 * one node on which it did, and no node needs to be looked at for it.
 *
 * Source: Consul's state store watches the services of one node apart from those of others (measured: a query on a node
 * stays silent while services of other nodes and checks change).
 */
export interface NodeWatches {
  /**
   * Listens to these nodes and to no others; to new ones a few more each time, as each answers first with all that it
   * runs.
   */
  follow(nodes: readonly string[]): void;
  /** Whether a node could not be read a while ago: then none should be listened to. */
  isResting(): boolean;
  /** Whether each of these nodes is listened to, and has answered. */
  tell(nodes: readonly string[]): boolean;
}

/** Meanwhile nodes are looked at instead. */
const REST_AFTER_FAILURE_MS = 30_000;
const NEW_ONES_AT_ONCE = 4;

export function createNodeWatches(
  context: ConsulContext,
  options: {
    readonly datacenter: string | undefined;
    readonly onAnswer: (node: string, answer: IndexedAnswer<NodeContent>) => void;
    /** Told when less is listened to than before: a change may have been missed. */
    readonly onDeaf: () => void;
    readonly signal: AbortSignal;
  },
): NodeWatches {
  const bells = new Map<string, { readonly ending: AbortController; hasAnswered: boolean }>();
  let restsUntilMs = Number.NEGATIVE_INFINITY;

  return {
    follow(nodes) {
      const wanted = new Set(nodes);
      stop([...bells.keys()].filter((node) => !wanted.has(node)));
      const added = [...wanted].filter((node) => !bells.has(node));
      for (const node of added.slice(0, NEW_ONES_AT_ONCE)) start(node);
    },
    isResting: () => context.clock.now() < restsUntilMs,
    tell: (nodes) => nodes.length > 0 && nodes.every((node) => bells.get(node)?.hasAnswered),
  };

  function stop(nodes: readonly string[]): void {
    for (const node of nodes) {
      bells.get(node)?.ending.abort(new Error("nobody listens to this node any more"));
      bells.delete(node);
    }
    if (nodes.length > 0) options.onDeaf();
  }

  function start(node: string): void {
    const bell = { ending: new AbortController(), hasAnswered: false };
    bells.set(node, bell);
    void listen(node, bell);
  }

  async function listen(
    node: string,
    bell: { readonly ending: AbortController; hasAnswered: boolean },
  ): Promise<void> {
    const { client, config, outage, indexResets, polls } = context;
    const end = AbortSignal.any([bell.ending.signal, options.signal]);
    const answers = blockingQuery<NodeContent>(
      (index, signal) =>
        polls.run(signal, async () => {
          const ask = { config, index, waitMs: context.waitMs(), signal };
          const answer = await requestConsul(client, nodeQuestion(node, options.datacenter), ask);
          return { index: indexOf(answer), value: contentOf(node, jsonOf(answer)) };
        }),
      {
        signal: end,
        random: Math.random,
        pause: outage.pause,
        losses: indexResets.count,
        onWentBack: indexResets.wentBack,
        onDoubt: () => undefined,
        onUnchanged: () => undefined,
        onFailure(error, failures) {
          indexResets.note(expected(error), failures);
          restsUntilMs = context.clock.now() + REST_AFTER_FAILURE_MS;
          stop([...bells.keys()]);
        },
      },
    );
    try {
      for await (const answer of answers) {
        bell.hasAnswered = true;
        options.onAnswer(node, answer);
      }
    } catch (error) {
      if (!end.aborted) throw error;
    }
  }
}
