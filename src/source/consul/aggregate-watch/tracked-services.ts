import type { Instance } from "../../../catalog/instance.ts";
import { type Query, queryText, type ServiceQuery } from "../../../catalog/query.ts";

/** One service that is followed, with the last answer about it. */
export interface TrackedService {
  readonly name: string;
  /** The query for the service without a tag or nearness: all that is known comes from its answer. */
  readonly plain: ServiceQuery;
  /** The wanted queries about the service, by canonical text: plain, by tag, by nearness. */
  readonly wanted: Map<string, ServiceQuery>;
  /** The last answer has all changes of the service up to this index; absent while there is none. */
  index: bigint | undefined;
  /** The last answer was read together with others: its index is Consul's of that time, not the service's own. */
  isFromBulk: boolean;
  /** What the last answer to the plain query held. */
  instances: readonly Instance[];
  /** When the last newer answer came, in the clock of the source. */
  changedAtMs: number;
  /** Answers in a row with a lower index, as of a server that lags behind. */
  older: number;
  /** Reads in a row that did not agree with the lists of unhealthy checks. */
  disagreed: number;
  /** Reads in a row that were behind the list of nodes. */
  behind: number;
  /** Reads in a row that waited in vain for something newer. */
  lagged: number;
  failures: number;
}

function createEntry(name: string, datacenter: string | undefined): TrackedService {
  return {
    name,
    plain: { kind: "service", name, ...(datacenter === undefined ? {} : { datacenter }) },
    wanted: new Map(),
    index: undefined,
    isFromBulk: false,
    instances: [],
    changedAtMs: 0,
    older: 0,
    disagreed: 0,
    behind: 0,
    lagged: 0,
    failures: 0,
  };
}

/** The queries that an aggregate watch covers: all but those with an expression that Consul evaluates. */
export const isCovered = (query: Query): query is CoveredQuery =>
  query.kind === "services" ||
  (query.kind === "nodes" && query.near === undefined && query.filter === undefined) ||
  (query.kind === "service" && query.filter === undefined);

export type CoveredQuery = Extract<Query, { readonly kind: "service" | "services" | "nodes" }>;

/**
 * Tracks the services that are wanted now, and no others.
 *
 * @returns the entries that are no longer wanted, and those of which more is wanted than before
 */
export function reviseTrackedServices(
  tracked: Map<string, TrackedService>,
  options: { readonly wanted: Iterable<CoveredQuery>; readonly datacenter: string | undefined },
): { readonly gone: readonly TrackedService[]; readonly grown: readonly TrackedService[] } {
  const queriesByService = byService(options.wanted);
  const gone = [...tracked.values()].filter(({ name }) => !queriesByService.has(name));
  for (const entry of gone) {
    entry.wanted.clear();
    tracked.delete(entry.name);
  }
  const grown: TrackedService[] = [];
  for (const [name, queries] of queriesByService) {
    const entry = tracked.get(name) ?? createEntry(name, options.datacenter);
    tracked.set(name, entry);
    if ([...queries.keys()].some((text) => !entry.wanted.has(text))) grown.push(entry);
    entry.wanted.clear();
    for (const [text, query] of queries) entry.wanted.set(text, query);
  }
  return { gone, grown };
}

/** The wanted queries by service. */
function byService(
  queries: Iterable<CoveredQuery>,
): ReadonlyMap<string, ReadonlyMap<string, ServiceQuery>> {
  const services = new Map<string, Map<string, ServiceQuery>>();
  for (const query of queries) {
    if (query.kind !== "service") continue;
    const known = services.get(query.name) ?? new Map<string, ServiceQuery>();
    services.set(query.name, known.set(queryText(query), query));
  }
  return services;
}
