import type { AnswerValue, Query } from "../catalog/query.ts";
import type { RouteTable } from "../route/route.ts";

/** What text was made from beside its data: the answers that were asked for, by the query's text. */
export interface Basis {
  readonly asked: Map<string, Answered>;
  /** What the routes were made from, where they were asked for. */
  routes: RoutesBasis | undefined;
}

interface Answered {
  readonly query: Query;
  readonly answer: AnswerValue;
}

/** A route table and what it was made from. */
export interface RoutesBasis {
  readonly asked: ReadonlyMap<string, Answered>;
  readonly table: RouteTable;
}

/** A piece of text, and what it was made from. */
interface Fragment {
  readonly text: string;
  readonly basis: Basis;
  /** What it depends on beside its item and the basis. */
  readonly needs: readonly unknown[];
}

/**
 * Pieces of text that a render keeps for the next one of the same templates. What a render did not use, the
 * next one does not find.
 */
export interface FragmentMemory {
  /** Begins a render. */
  begin(): FragmentPass;
}

/** The memory during one render. */
export interface FragmentPass {
  /** Within a turn that is remembered as a whole, loops with fewer turns are not worth remembering. */
  readonly shortestLoop: number;
  /** A piece that `maker`, such as a loop of a template, made of `item` before, if one fits. */
  find(maker: object, item: object, fits: (fragment: Fragment) => boolean): Fragment | undefined;
  /** Adds a piece, or keeps one that was found. */
  add(maker: object, item: object, fragment: Fragment): void;
  /** The route table of the render before. */
  readonly routesBefore: RoutesBasis | undefined;
  /** Ends the render: the next one finds what this one used. */
  keep(routes: RoutesBasis | undefined): void;
}

type Fragments = Map<object, Map<object, readonly Fragment[]>>;

/** Where the same item is written in more ways than these, it is made again each time. */
const MOST_WAYS = 4;

/** @param shortestLoop within a turn, loops with fewer turns cost less to make again than to remember */
export function createFragmentMemory(shortestLoop = 64): FragmentMemory {
  let kept: Fragments = new Map();
  let keptRoutes: RoutesBasis | undefined;
  return {
    begin() {
      const used: Fragments = new Map();
      return {
        shortestLoop,
        routesBefore: keptRoutes,
        find: (maker, item, fits) =>
          used.get(maker)?.get(item)?.find(fits) ?? kept.get(maker)?.get(item)?.find(fits),
        add(maker, item, fragment) {
          const all = used.get(maker) ?? new Map<object, readonly Fragment[]>();
          used.set(maker, all);
          const ways = all.get(item) ?? [];
          if (ways.length < MOST_WAYS && !ways.includes(fragment))
            all.set(item, [...ways, fragment]);
        },
        keep(routes) {
          kept = used;
          keptRoutes = routes;
        },
      };
    },
  };
}
