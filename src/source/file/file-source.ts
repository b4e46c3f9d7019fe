import type { Instance, NodeWithServices } from "../../catalog/instance.ts";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { OpenSource } from "../../catalog/source.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { watchPaths } from "../watch-paths.ts";
import { type Catalog, readCatalogFile, summariesOf } from "./catalog-file.ts";

/**
 * A source that answers from a catalog file and watches it. A broken file is reported, and the last known good
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
        if (answer === undefined) listener.failed(query, notInCatalog(query, file));
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
          `${error.message}; the last known good catalog stays in force`,
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

function notInCatalog(query: Query, file: string): AppError {
  if ("filter" in query && query.filter !== undefined) {
    return new AppError(
      "CATALOG",
      "Cannot answer a filter expression from a catalog file as Consul evaluates it",
      {
        hint: 'Record its answer with "fairlead snapshot", or use tag= or a condition in the template',
      },
    );
  }
  return new AppError("CATALOG", `Cannot answer from "${file}" as it has no ${queryText(query)}`, {
    hint: "Add it to the catalog file; docs/reference/catalog-file.md shows where",
  });
}

/** Answers a query from a catalog, as Consul would; `undefined` where the catalog has no answer. */
export function answerFrom(catalog: Catalog, query: Query): AnswerValue | undefined {
  const recorded = catalog.answers.get(queryText(query));
  if (recorded !== undefined) return recorded;
  const here = (it: { readonly datacenter: string }): boolean =>
    !("datacenter" in query) ||
    query.datacenter === undefined ||
    it.datacenter === query.datacenter;
  if ("filter" in query && query.filter !== undefined) return undefined;
  switch (query.kind) {
    case "service":
    case "connect": {
      const all =
        query.kind === "service"
          ? (byName(catalog.instances).get(query.name) ?? [])
          : (own(catalog.connect, query.name) ?? []);
      const { tag } = query;
      return all.filter((it) => here(it) && (tag === undefined || it.tags.includes(tag)));
    }
    case "prepared":
      return own(catalog.prepared, query.prepared);
    case "services":
      return summariesOf(catalog.instances.filter(here));
    case "nodes":
      return catalog.nodes.filter(here);
    case "node":
      return nodeFrom(catalog, query.node, here);
    case "datacenters":
      return catalog.datacenters;
    case "key":
      return catalog.keys.find(({ key }) => key === query.key) ?? null;
    case "tree":
      return catalog.keys.filter(({ key }) => key.startsWith(query.prefix));
    case "caRoots":
      return catalog.caRoots;
    case "caLeaf":
      return own(catalog.caLeaves, query.service);
    case "file":
      return own(catalog.files, query.path);
    case "interfaces":
      return catalog.interfaces;
  }
}

const indexes = new WeakMap<readonly Instance[], ReadonlyMap<string, readonly Instance[]>>();

/** A catalog's instances by service: made once, as each service is asked for. */
function byName(all: readonly Instance[]): ReadonlyMap<string, readonly Instance[]> {
  const known = indexes.get(all);
  if (known !== undefined) return known;
  const index = new Map<string, Instance[]>();
  for (const instance of all) {
    const others = index.get(instance.name);
    if (others === undefined) index.set(instance.name, [instance]);
    else others.push(instance);
  }
  indexes.set(all, index);
  return index;
}

const own = <T>(map: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(map, key) ? map[key] : undefined;

/** Without a name: the first node, which takes the place of the agent's. */
function nodeFrom(
  catalog: Catalog,
  name: string | undefined,
  here: (it: { readonly datacenter: string }) => boolean,
): NodeWithServices | null {
  const node = catalog.nodes.find((it) => here(it) && (name === undefined || it.name === name));
  if (node === undefined) return null;
  const services = catalog.instances
    .filter((it) => it.node === node.name && it.datacenter === node.datacenter)
    .map(({ id, name, address, port, tags, meta }) => ({ id, name, address, port, tags, meta }));
  return { ...node, services };
}
