import { type Element, isListOfParts, listed, type Part, partOf } from "../../catalog/part.ts";
import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { Route } from "../../route/route.ts";

/** A part of the catalog, and the data that a piece of the output was made from. */
export interface DataSource {
  readonly part: Part;
  /** What the answer has of it; absent for a service as a whole. */
  readonly element?: Element;
  /** For a service as a whole: those of its instances whose data it is. */
  readonly within?: readonly DataSource[];
  /** What a helper made of its text, such as an object from JSON. */
  readonly parsed?: object;
}

/** What is known about where a value comes from. */
export type DataOrigin =
  | { readonly kind: "element"; readonly query: Query; readonly element: Element }
  | { readonly kind: "answer"; readonly query: Query; readonly answer: AnswerValue }
  | { readonly kind: "route"; readonly route: Route }
  | { readonly kind: "routes"; readonly routes: readonly Route[] }
  /** Made by a helper from values of these origins. */
  | { readonly kind: "made"; readonly from: readonly DataOrigin[]; readonly value: object };

/** Which objects come from which parts of the catalog, by their identity. */
export interface Sources {
  /** Notes an answer and its elements. */
  answered(query: Query, answer: AnswerValue): DataOrigin;
  /** Notes routes and their servers. */
  routed(routes: readonly Route[]): DataOrigin;
  /** Notes that `copy` stands for the element of an answer. */
  copied(copy: object, element: object): void;
  /** Notes that a helper made an object from values of these origins; when of text, with all that is in it. */
  made(
    value: object,
    by: { readonly from: readonly DataOrigin[]; readonly isOfText: boolean },
  ): void;
  originOf(value: unknown): DataOrigin | undefined;
  /** The parts that an origin stands for. */
  of(origin: DataOrigin): readonly DataSource[];
  /** The parts in a value that has no origin itself, such as a group of instances. */
  within(value: unknown): readonly DataSource[];
}

/** In groups of more than so many only the first are looked at. */
const MOST_WITHIN = 10_000;

export function createSources(): Sources {
  const origins = new WeakMap<object, DataOrigin>();
  /** By service, node and id, as the servers of routes name them. */
  const instances = new Map<string, DataSource>();

  return {
    answered(query, answer) {
      const origin = { kind: "answer", query, answer } as const;
      if (typeof answer !== "object" || answer === null) return origin;
      const known = origins.get(answer);
      if (known !== undefined) return known;
      if (isListOfParts(query)) {
        for (const element of listed(query, answer)) know(query, element);
      }
      origins.set(answer, origin);
      return origin;
    },
    routed(routes) {
      const known = originOf(routes);
      if (known !== undefined) return known;
      const origin = { kind: "routes", routes } as const;
      origins.set(routes, origin);
      for (const route of routes) {
        origins.set(route, { kind: "route", route });
        for (const server of route.servers) {
          const source = instances.get(instanceKey(route.service, server.node, server.instance));
          const from = originOf(source?.element);
          if (from !== undefined) origins.set(server, from);
        }
      }
      return origin;
    },
    copied(copy, element) {
      const origin = originOf(element);
      if (origin !== undefined) origins.set(copy, origin);
    },
    made(value, { from, isOfText }) {
      const origin = { kind: "made", from, value } as const;
      const all = isOfText ? objectsIn(value) : [value];
      for (const it of all) if (!origins.has(it)) origins.set(it, origin);
    },
    originOf,
    of,
    within(value) {
      return childrenOf(value).flatMap((it) => {
        const origin = originOf(it);
        if (origin !== undefined) return of(origin);
        return Array.isArray(it)
          ? it.flatMap((one) => {
              const known = originOf(one);
              return known === undefined ? [] : of(known);
            })
          : [];
      });
    },
  };

  function know(query: Query, element: Element): void {
    if (typeof element !== "object" || element === null || origins.has(element)) return;
    origins.set(element, { kind: "element", query, element });
    const part = partOf(query, element);
    if (part.kind === "instance") {
      instances.set(instanceKey(part.service, part.node, part.instance), { part, element });
    }
  }

  function originOf(value: unknown): DataOrigin | undefined {
    return typeof value === "object" && value !== null ? origins.get(value) : undefined;
  }

  function of(origin: DataOrigin): readonly DataSource[] {
    switch (origin.kind) {
      case "element":
        return [{ part: partOf(origin.query, origin.element), element: origin.element }];
      case "answer":
        return ofAnswer(origin.query, origin.answer);
      case "route":
        return [ofRoute(origin.route)];
      case "routes":
        return origin.routes.map(ofRoute);
      case "made":
        return origin.from.flatMap(of).map((it) => ({ parsed: origin.value, ...it }));
    }
  }

  function ofRoute({ service, servers }: Route): DataSource {
    const within = servers.flatMap(
      ({ node, instance }) => instances.get(instanceKey(service, node, instance)) ?? [],
    );
    return { part: { kind: "service", service }, within };
  }
}

/** Of a list each entry is a part. That a service has no instances is the service's own. */
function ofAnswer(query: Query, answer: AnswerValue): readonly DataSource[] {
  const all = listed(query, answer).map((element) => ({ part: partOf(query, element), element }));
  if (all.length > 0) return all;
  if (query.kind === "key") return [{ part: keyPart(query) }];
  return "name" in query ? [{ part: { kind: "service", service: query.name } }] : [];
}

const keyPart = ({ key, datacenter }: Extract<Query, { readonly kind: "key" }>): Part => ({
  kind: "key",
  key,
  ...(datacenter === undefined ? {} : { datacenter }),
});

const instanceKey = (service: string, node: string, instance: string): string =>
  JSON.stringify([service, node, instance]);

/** A value and the objects within it, at any depth. */
function objectsIn(value: object): ReadonlySet<object> {
  const all = new Set([value]);
  for (const it of all) {
    for (const child of childrenOf(it)) {
      if (typeof child === "object" && child !== null && all.size < MOST_WITHIN) all.add(child);
    }
  }
  return all;
}

function childrenOf(value: unknown): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).slice(0, MOST_WITHIN);
}
