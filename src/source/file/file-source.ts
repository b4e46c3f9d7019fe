import { watch } from "chokidar";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { OpenSource } from "../../catalog/source.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { type Catalog, readCatalogFile, summariesOf } from "./catalog-file.ts";

/** A file that is still growing is left alone: half a catalog can be a valid one. */
const HALF_WRITTEN = { stabilityThreshold: 50, pollInterval: 10 };

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
        if (query.kind === "service" && query.filter !== undefined)
          listener.failed(query, needsConsul());
        else listener.answered(query, answerFrom(catalog, query));
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
    const watcher = watch(file, { ignoreInitial: true, awaitWriteFinish: HALF_WRITTEN });
    watcher.on("add", () => void reread()).on("change", () => void reread());
    watcher.on("error", (error) => log.warn(`cannot watch "${file}": ${messageOf(error)}`));
    signal.addEventListener("abort", () => void watcher.close());
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
      hint: "Use tag= or a condition in the template, or the consul source",
    },
  );

/** Answers a query from a catalog, as Consul would. */
export function answerFrom(catalog: Catalog, query: Query): AnswerValue {
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
