import type { CatalogNode, ServiceSummary } from "../../../catalog/instance.ts";
import type { AppError } from "../../../errors.ts";
import { checksRequest } from "../api-requests.ts";
import type { Fetch, FollowedAnswer } from "../blocking-query.ts";
import type { ConsulContext } from "../consul-context.ts";
import { fetchJson, followQuery } from "../follow-query.ts";
import { readQuery } from "../read-query.ts";
import type { Believed } from "../token-sight/believed.ts";
import { believing } from "../token-sight/believing.ts";
import type { CoveredQuery } from "./tracked-services.ts";
import { parseUnhealthyChecks, type UnhealthyChecks } from "./unhealthy-checks.ts";
import { createWatchStates, type WatchStates } from "./watch-states.ts";

/** Blocking queries that the lists of one datacenter need. */
export const LISTS_PER_DATACENTER = 4;

interface ListWatchOptions {
  readonly datacenter: string | undefined;
  /** `doubt` says why the list is not what Consul answered: what the token does not see any more is still in it. */
  readonly onServices: (
    answer: FollowedAnswer<readonly ServiceSummary[]>,
    doubt: AppError | undefined,
  ) => void;
  readonly onNodes: (
    answer: FollowedAnswer<readonly CatalogNode[]>,
    doubt: AppError | undefined,
  ) => void;
  readonly onUnhealthy: (
    kind: "critical" | "warning",
    answer: FollowedAnswer<UnhealthyChecks>,
  ) => void;
  /** Called after each answer and failure with whether services can be read. */
  readonly onReadiness: (isReady: boolean) => void;
  /** Called when a list cannot be read, or for another reason than before: then no answer is known to be fresh. */
  readonly onFailure: (error: AppError, list: string) => void;
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
  const { clock, outage, sight } = context;
  const { datacenter, signal } = options;
  const at = datacenter === undefined ? {} : { datacenter };
  const services = { kind: "services", ...at } as const;
  const nodes = { kind: "nodes", ...at } as const;
  let lastFailure: string | undefined;
  const states = createWatchStates(["services", "nodes", "critical", "warning"], {
    onIndexReset: options.onIndexReset,
    after: (ms, work) => void clock.after(ms, work),
  });

  watch("services", believed(services), ({ value, ...rest }) => {
    sight.note(textOf("services"), value.doubt);
    const list = value.value as readonly ServiceSummary[];
    options.onServices({ ...rest, value: list }, value.doubt);
  });
  watch("nodes", believed(nodes), ({ value, ...rest }) => {
    sight.note(textOf("nodes"), value.doubt);
    options.onNodes({ ...rest, value: value.value as readonly CatalogNode[] }, value.doubt);
  });
  for (const kind of ["critical", "warning"] as const) {
    const request = checksRequest(kind, datacenter);
    watch(kind, fetchJson(context, request, parseUnhealthyChecks), (answer) =>
      options.onUnhealthy(kind, answer),
    );
  }
  return states;

  function believed(query: CoveredQuery): Fetch<Believed> {
    const { client, config } = context;
    const { fetch, waitMs } = believing(context, query, (index, stop) =>
      readQuery(client, query, { config, index, waitMs: waitMs(), signal: stop }),
    );
    return fetch;
  }

  function textOf(list: string): string {
    return `watch ${list}${datacenter === undefined ? "" : `@${datacenter}`}`;
  }

  function watch<T>(
    list: string,
    fetch: Fetch<T>,
    onAnswer: (answer: FollowedAnswer<T>) => void,
  ): void {
    const text = textOf(list);
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
        options.onFailure(error, list);
      },
    };
    void followQuery(context, query, signal);
  }
}
