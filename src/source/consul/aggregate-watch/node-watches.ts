import { nodeRequest } from "../api-requests.ts";
import type { IndexedAnswer } from "../blocking-query.ts";
import type { ConsulContext } from "../consul-context.ts";
import { fetchJson, followQuery } from "../follow-query.ts";
import { contentOf, type NodeContent } from "./read-node.ts";

/**
 * A blocking query on each node: where sockets allow, a change of a service's definition is reported at once, by the one
 * node on which it happened, and no node has to be read for it.
 *
 * Source: Consul's state store watches the services of one node apart from those of others (measured: a query on a node
 * stays silent while services of other nodes and checks change).
 */
export interface NodeWatches {
  /**
   * Watches these nodes and no others. It begins with a few new ones at a time, as each first answers with all its
   * services.
   */
  follow(nodes: readonly string[]): void;
  /** Whether a node could not be read a while ago: then none should be watched. */
  areResting(): boolean;
  /** Whether each of these nodes is watched, and has answered. */
  cover(nodes: readonly string[]): boolean;
}

/** Meanwhile nodes are read instead. */
const REST_AFTER_FAILURE_MS = 30_000;
const NEW_AT_A_TIME = 4;

interface NodeWatch {
  readonly ending: AbortController;
  hasAnswered: boolean;
}

export function createNodeWatches(
  context: ConsulContext,
  options: {
    readonly datacenter: string | undefined;
    readonly onAnswer: (node: string, answer: IndexedAnswer<NodeContent>) => void;
    /** Called when watches end: a change may have been missed. */
    readonly onEnd: () => void;
    readonly signal: AbortSignal;
  },
): NodeWatches {
  const watches = new Map<string, NodeWatch>();
  let restsUntilMs = Number.NEGATIVE_INFINITY;

  return {
    follow(nodes) {
      const wanted = new Set(nodes);
      stop([...watches.keys()].filter((node) => !wanted.has(node)));
      const added = [...wanted].filter((node) => !watches.has(node));
      for (const node of added.slice(0, NEW_AT_A_TIME)) start(node);
    },
    areResting: () => context.clock.now() < restsUntilMs,
    cover: (nodes) => nodes.length > 0 && nodes.every((node) => watches.get(node)?.hasAnswered),
  };

  function stop(nodes: readonly string[]): void {
    for (const node of nodes) {
      watches.get(node)?.ending.abort(new Error("this node is no longer watched"));
      watches.delete(node);
    }
    if (nodes.length > 0) options.onEnd();
  }

  function start(node: string): void {
    const watch = { ending: new AbortController(), hasAnswered: false };
    watches.set(node, watch);
    void follow(node, watch);
  }

  async function follow(node: string, watch: NodeWatch): Promise<void> {
    const end = AbortSignal.any([watch.ending.signal, options.signal]);
    const request = nodeRequest(node, options.datacenter);
    // No answer waits for that of a node, so it has no name in an outage.
    const query = {
      fetch: fetchJson(context, request, (body) => contentOf(node, body)),
      onAnswer(answer: IndexedAnswer<NodeContent>) {
        watch.hasAnswered = true;
        options.onAnswer(node, answer);
      },
      onFailure() {
        restsUntilMs = context.clock.now() + REST_AFTER_FAILURE_MS;
        stop([...watches.keys()]);
      },
    };
    await followQuery(context, query, end);
  }
}
