import type { AnswerValue, Query } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { RouteTable } from "../../route/route.ts";

/** What text was made from beside its data: the answers that were asked for, by the query's text. */
export interface Basis {
  readonly asked: Map<string, Answered>;
  /** What the routes were made from, where they were asked for. */
  routes: RoutesBasis | undefined;
}

/** A query, and what was answered. */
export interface Answered {
  readonly query: Query;
  readonly answer: AnswerValue;
  /** An empty answer is no answer. */
  readonly isRequired?: true;
}

/** A route table and what it was made from. */
export interface RoutesBasis {
  readonly asked: ReadonlyMap<string, Answered>;
  readonly lingering: Snapshot["lingering"];
  readonly table: RouteTable;
}

/** A piece of text, and what it was made from. */
interface Fragment {
  readonly text: string;
  readonly basis: Basis;
  /** What it depends on beside its item and the basis. */
  readonly dependencies: readonly unknown[];
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
  /** Within an iteration that is remembered as a whole, loops with fewer iterations are not worth remembering. */
  readonly shortestLoop: number;
  /** The pieces that `maker`, such as a loop of a template, made of `item` before. */
  known(maker: object, item: object): readonly KeptFragment[];
  /** Keeps one of them for the next render. */
  use(fragment: KeptFragment): void;
  /** Adds a piece. */
  add(maker: object, item: object, fragment: Fragment): void;
  /** The route table of the render before. */
  readonly routesBefore: RoutesBasis | undefined;
  /** Ends the render: the next one finds what this one used. */
  keep(routes: RoutesBasis | undefined): void;
}

/** A piece, and in which render it was used last. */
export interface KeptFragment extends Fragment {
  usedIn: number;
}

const NONE: readonly KeptFragment[] = [];

/** Where the same item is written in more ways than these, it is made again each time. */
const MOST_WAYS = 4;

/** @param shortestLoop within an iteration, loops with fewer iterations cost less to make again than to remember */
export function createFragmentMemory(shortestLoop = 64): FragmentMemory {
  const kept = new Map<object, Map<object, readonly KeptFragment[]>>();
  let keptRoutes: RoutesBasis | undefined;
  let render = 0;
  let lastKept = 0;
  return {
    begin() {
      // A series of unfinished renders, as while answers are missing, must not pile up fragments.
      if (render !== lastKept) drop((it) => it.usedIn !== lastKept && it.usedIn !== render);
      render += 1;
      return {
        shortestLoop,
        routesBefore: keptRoutes,
        known: (maker, item) => kept.get(maker)?.get(item) ?? NONE,
        use(fragment) {
          fragment.usedIn = render;
        },
        add(maker, item, fragment) {
          const items = kept.get(maker) ?? new Map<object, readonly KeptFragment[]>();
          kept.set(maker, items);
          const ways = items.get(item) ?? NONE;
          if (ways.filter(isUsed).length < MOST_WAYS)
            items.set(item, [...ways, { ...fragment, usedIn: render }]);
        },
        keep(routes) {
          drop((it) => !isUsed(it));
          lastKept = render;
          keptRoutes = routes;
        },
      };
    },
  };

  function isUsed({ usedIn }: KeptFragment): boolean {
    return usedIn === render;
  }

  function drop(isOver: (way: KeptFragment) => boolean): void {
    for (const [maker, items] of kept) {
      items.forEach((ways, item) => {
        if (!ways.some(isOver)) return;
        const left = ways.filter((way) => !isOver(way));
        if (left.length === 0) items.delete(item);
        else items.set(item, left);
      });
      if (items.size === 0) kept.delete(maker);
    }
  }
}
