import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { OpenSource } from "../../catalog/source.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type Catalog, readCatalogFile, summariesOf } from "./catalog-file.ts";
import { watchPaths } from "./watch-paths.ts";

/**
 * A source that answers from a catalog file and watches it. A broken file is reported, and the last good
 * one stays in force.
 *
 * @param initial the file's content, already read
 */
export function fileSource(
  file: string,
  { initial, log }: { readonly initial: Catalog; readonly log: Log },
): OpenSource {
  return (listener, signal) => {
    let catalog = initial;
    let followed: ReadonlyMap<string, Query> = new Map();
    const answerAll = () => {
      for (const query of followed.values()) {
        const answer = answerFrom(catalog, query);
        if (answer === undefined) listener.failed(query, needsConsul());
        else listener.answered(query, answer);
      }
    };
    const reread = async () => {
      try {
        catalog = await readCatalogFile(file);
        answerAll();
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        log.warn(
          { err: error, hint: error.hint },
          `${error.message}; the last good catalog stays in force`,
        );
        for (const query of followed.values()) listener.failed(query, error);
      }
    };
    watchPaths([file], { signal, onChange: () => void reread() });
    return {
      follow(queries) {
        followed = queries;
        queueMicrotask(answerAll);
      },
    };
  };
}

const needsConsul = (): AppError =>
  new AppError(
    "CATALOG",
    "Cannot answer a filter expression from a catalog file as Consul evaluates it",
    {
      hint: 'Record its answer with "fairlead snapshot", or use tag= or a condition in the template',
    },
  );

/** Answers a query from a catalog, as Consul would; `undefined` when only Consul could. */
export function answerFrom(catalog: Catalog, query: Query): AnswerValue | undefined {
  const recorded = catalog.answers.get(queryText(query));
  if (recorded !== undefined) return recorded;
  if (query.kind === "service" && query.filter !== undefined) return undefined;
  const here = (it: { readonly datacenter: string }): boolean =>
    !("datacenter" in query) ||
    query.datacenter === undefined ||
    it.datacenter === query.datacenter;
  switch (query.kind) {
    case "service":
      return catalog.instances.filter(
        (it) =>
          it.name === query.name &&
          here(it) &&
          (query.tag === undefined || it.tags.includes(query.tag)),
      );
    case "services":
      return summariesOf(catalog.instances.filter(here));
    case "nodes":
      return catalog.nodes.filter(here);
    case "datacenters":
      return catalog.datacenters;
    case "key":
      return catalog.keys.find(({ key }) => key === query.key) ?? null;
    case "tree":
      return catalog.keys.filter(({ key }) => key.startsWith(query.prefix));
  }
}
