import type { Instance } from "../../../catalog/instance.ts";
import { type Query, queryText, type ServiceQuery } from "../../../catalog/query.ts";

/** One service that is followed, and what is known of it. */
export interface TrackedService {
  readonly name: string;
  /** Asks for the service as it is: all that is known comes from its answer. */
  readonly plain: ServiceQuery;
  /** The wanted queries about the service, by canonical text: plain, by tag, by nearness. */
  readonly wanted: Map<string, ServiceQuery>;
  /** No change of the service up to this index is missing in its last answer; absent while there is none. */
  index: bigint | undefined;
  /** The last answer was read together with others: its index is Consul's of that time, not the service's own. */
  isFromBulk: boolean;
  /** What the last answer to the plain query held. */
  instances: readonly Instance[];
  /** When the last answer came that was news, in the clock of the source. */
  changedAtMs: number;
  /** Answers in a row whose index was lower: of a server that lags behind. */
  older: number;
  /** Reads in a row that did not agree with the lists of sick checks. */
  disagreed: number;
  /** Reads in a row that were behind the list of nodes. */
  behind: number;
  /** Reads in a row that waited for something newer in vain. */
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

/** The queries that a doorbell covers: of one datacenter, and without an expression that Consul evaluates. */
export const isCovered = (query: Query): query is CoveredQuery =>
  query.kind === "services" ||
  (query.kind === "nodes" && query.near === undefined && query.filter === undefined) ||
  (query.kind === "service" && query.filter === undefined);

export type CoveredQuery = Extract<Query, { readonly kind: "service" | "services" | "nodes" }>;

/**
 * Makes the book one of the services that are wanted now.
 *
 * @returns the entries that nobody wants any more, and those of which something is wanted that was not before
 */
export function reviseTrackedServices(
  book: Map<string, TrackedService>,
  options: { readonly wanted: Iterable<CoveredQuery>; readonly datacenter: string | undefined },
): { readonly gone: readonly TrackedService[]; readonly grown: readonly TrackedService[] } {
  const asked = byService(options.wanted);
  const gone = [...book.values()].filter(({ name }) => !asked.has(name));
  for (const entry of gone) {
    entry.wanted.clear();
    book.delete(entry.name);
  }
  const grown: TrackedService[] = [];
  for (const [name, queries] of asked) {
    const entry = book.get(name) ?? createEntry(name, options.datacenter);
    book.set(name, entry);
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
