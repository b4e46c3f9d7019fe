import type { CatalogNode, ServiceSummary } from "../../../catalog/instance.ts";
import type { AppError } from "../../../errors.ts";
import { checksRequest, requestFor } from "../api-requests.ts";
import type { Fetch, FollowedAnswer } from "../blocking-query.ts";
import { parseConsulAnswer } from "../consul-answer.ts";
import type { ConsulContext } from "../consul-context.ts";
import { fetchJson, followQuery } from "../follow-query.ts";
import { parseUnhealthyChecks, type UnhealthyChecks } from "./unhealthy-checks.ts";
import { createWatchStates, type WatchStates } from "./watch-states.ts";

/** Blocking queries that the lists of one datacenter need. */
export const LISTS_PER_DATACENTER = 4;

interface ListWatchOptions {
  readonly datacenter: string | undefined;
  readonly onServices: (answer: FollowedAnswer<readonly ServiceSummary[]>) => void;
  readonly onNodes: (answer: FollowedAnswer<readonly CatalogNode[]>) => void;
  readonly onUnhealthy: (
    kind: "critical" | "warning",
    answer: FollowedAnswer<UnhealthyChecks>,
  ) => void;
  /** Called after each answer and failure with whether services can be read. */
  readonly onReadiness: (isReady: boolean) => void;
  /** Called when a list cannot be read, or for another reason than before: then no answer is known to be fresh. */
  readonly onFailure: (error: AppError) => void;
  /** Called when Consul may have lost its history: what was read before no longer counts. */
  readonly onIndexReset: () => void;
  readonly signal: AbortSignal;
}

/**
 * Holds one blocking query open on each list of a datacenter: services, nodes, critical and warning checks. One of them
 * wakes up whenever anything about a service changes.
 */
export function createListWatches(
  context: ConsulContext,
  options: ListWatchOptions,
): Pick<WatchStates, "areHealthy"> {
  const { clock, outage } = context;
  const { datacenter, signal } = options;
  const at = datacenter === undefined ? {} : { datacenter };
  const services = { kind: "services", ...at } as const;
  const nodes = { kind: "nodes", ...at } as const;
  let lastFailure: string | undefined;
  const states = createWatchStates(["services", "nodes", "critical", "warning"], {
    onIndexReset: options.onIndexReset,
    after: (ms, work) => void clock.after(ms, work),
  });

  const parseServices = (body: unknown) =>
    parseConsulAnswer(services, body) as readonly ServiceSummary[];
  const parseNodes = (body: unknown) => parseConsulAnswer(nodes, body) as readonly CatalogNode[];
  watch("services", fetchJson(context, requestFor(services), parseServices), options.onServices);
  watch("nodes", fetchJson(context, requestFor(nodes), parseNodes), options.onNodes);
  for (const kind of ["critical", "warning"] as const) {
    const request = checksRequest(kind, datacenter);
    watch(kind, fetchJson(context, request, parseUnhealthyChecks), (answer) =>
      options.onUnhealthy(kind, answer),
    );
  }
  return states;

  function watch<T>(
    list: string,
    fetch: Fetch<T>,
    onAnswer: (answer: FollowedAnswer<T>) => void,
  ): void {
    const text = `watch ${list}${datacenter === undefined ? "" : `@${datacenter}`}`;
    const query = {
      text,
      fetch,
      onAnswer(answer: FollowedAnswer<T>) {
        states.answered(list, answer);
        onAnswer(answer);
        outage.answered(text, () => undefined);
        options.onReadiness(states.areReady());
      },
      onFailure(error: AppError, failures: number) {
        states.failed(list);
        options.onReadiness(states.areReady());
        if (failures > 1 && error.message === lastFailure) return;
        lastFailure = error.message;
        options.onFailure(error);
      },
    };
    void followQuery(context, query, signal);
  }
}
