import type { CatalogNode, Instance, KeyValue, ServiceSummary } from "./instance.ts";
import { type AnswerValue, type Query, queryText } from "./query.ts";

/**
 * The smallest piece of the catalog that can be left out, or replaced by what it was, without the rest of its answer.
 * One part is the same part in every answer that holds it: an instance in `service web` and in `service v2.web`.
 */
export type Part =
  | {
      readonly kind: "instance";
      readonly service: string;
      readonly instance: string;
      readonly node: string;
      readonly datacenter: string;
    }
  /** A line of a list of services, and all that is asked about that service. */
  | { readonly kind: "service"; readonly service: string }
  | { readonly kind: "node"; readonly node: string; readonly datacenter: string }
  | { readonly kind: "key"; readonly key: string; readonly datacenter?: string }
  /** An answer that has no smaller parts, by its query's canonical text. */
  | { readonly kind: "answer"; readonly query: string };

/** What an answer holds for one part. */
export type Element = Instance | ServiceSummary | CatalogNode | KeyValue | AnswerValue;

/** The canonical text of a part: equal parts have equal texts. */
export function partText(part: Part): string {
  switch (part.kind) {
    case "instance":
      return JSON.stringify(["instance", part.datacenter, part.node, part.service, part.instance]);
    case "service":
      return JSON.stringify(["service", part.service]);
    case "node":
      return JSON.stringify(["node", part.datacenter, part.node]);
    case "key":
      return JSON.stringify(["key", part.datacenter ?? "", part.key]);
    case "answer":
      return JSON.stringify(["answer", part.query]);
  }
}

/** A part as a person names it, such as `service "web", instance "web-1" on n1`. */
export function partName(part: Part): string {
  switch (part.kind) {
    case "instance":
      return `service "${part.service}", instance "${part.instance}" on ${part.node}`;
    case "service":
      return `service "${part.service}"`;
    case "node":
      return `node "${part.node}"`;
    case "key":
      return `key "${part.key}"${part.datacenter === undefined ? "" : ` of ${part.datacenter}`}`;
    case "answer":
      return part.query;
  }
}

/** The part that a catalog's element is, in the answer to `query`. */
export function partOf(query: Query, element: Element): Part {
  switch (query.kind) {
    case "service":
    case "connect":
    case "prepared": {
      const { name, id, node, datacenter } = element as Instance;
      return { kind: "instance", service: name, instance: id, node, datacenter };
    }
    case "services":
      return { kind: "service", service: (element as ServiceSummary).name };
    case "nodes": {
      const { name, datacenter } = element as CatalogNode;
      return { kind: "node", node: name, datacenter };
    }
    case "key":
    case "tree":
      return {
        kind: "key",
        key: (element as KeyValue).key,
        ...(query.datacenter === undefined ? {} : { datacenter: query.datacenter }),
      };
    case "node":
    case "datacenters":
    case "caRoots":
    case "caLeaf":
    case "file":
    case "interfaces":
      return { kind: "answer", query: queryText(query) };
  }
}

/** The elements of an answer by their part's canonical text. Memoized: an answer never changes. */
export function elementsOf(query: Query, answer: AnswerValue): ReadonlyMap<string, Element> {
  const isObject = typeof answer === "object" && answer !== null;
  const known = isObject ? elements.get(answer) : undefined;
  if (known !== undefined) return known;
  const result = new Map(
    listed(query, answer).map((element) => [partText(partOf(query, element)), element]),
  );
  if (isObject) elements.set(answer, result);
  return result;
}

const elements = new WeakMap<object, ReadonlyMap<string, Element>>();

/** The elements of an answer, in its order: its entries where it is a list of parts, else itself. */
export function listed(query: Query, answer: AnswerValue): readonly Element[] {
  if (answer === null) return [];
  return isListOfParts(query) ? (answer as readonly Element[]) : [answer];
}

/** Whether the answer to `query` is a list of which each entry is a part. */
export function isListOfParts({ kind }: Query): boolean {
  return LISTS.has(kind);
}

const LISTS: ReadonlySet<Query["kind"]> = new Set([
  "service",
  "connect",
  "prepared",
  "services",
  "nodes",
  "tree",
]);

/** Whether the answer to `query` is a list of instances. */
export const isInstances = (
  query: Query,
): query is Extract<Query, { readonly kind: "service" | "connect" | "prepared" }> =>
  query.kind === "service" || query.kind === "connect" || query.kind === "prepared";
