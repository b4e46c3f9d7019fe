import type { AnswerValue, Query } from "../catalog/query.ts";
import type { RouteTable } from "../route/route.ts";

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
 * Pieces of text that a render keeps for the next ones of the same templates. What renders do not use any more goes
 * before it is much.
 */
export interface FragmentMemory {
  /** Begins a render. */
  begin(): FragmentPass;
}

/** The memory during one render. */
export interface FragmentPass {
  /** Within a turn that is remembered as a whole, loops with fewer turns are not worth remembering. */
  readonly shortestLoop: number;
  /** The pieces that `maker`, such as a loop of a template, made of `item` before. */
  known(maker: object, item: object): readonly Kept[];
  /** Keeps one of them for the next render. */
  use(fragment: Kept): void;
  /** Adds a piece. */
  add(maker: object, item: object, fragment: Fragment): void;
  /** The route table of the render before. */
  readonly routesBefore: RoutesBasis | undefined;
  /** Ends the render: the next one finds at least what this one used. */
  keep(routes: RoutesBasis | undefined): void;
}

/** A piece, and in which render it was used last. */
export interface Kept extends Fragment {
  usedIn: number;
}

/** Up to this share of all are pieces that are not used any more: looking at each costs more than they do. */
const UNUSED_SHARE = 1 / 16;

const NONE: readonly Kept[] = [];

/** Where the same item is written in more ways than these, it is made again each time. */
const MOST_WAYS = 4;

/** @param shortestLoop within a turn, loops with fewer turns cost less to make again than to remember */
export function createFragmentMemory(shortestLoop = 64): FragmentMemory {
  const kept = new Map<object, Map<object, readonly Kept[]>>();
  let keptRoutes: RoutesBasis | undefined;
  let render = 0;
  let lastKept = 0;
  let count = 0;
  let used = 0;
  return {
    begin() {
      // A row of renders that come to nothing, as while answers are missing, leaves no more behind than one.
      if (render !== lastKept) drop((it) => it.usedIn !== lastKept && it.usedIn !== render);
      render += 1;
      used = 0;
      return {
        shortestLoop,
        routesBefore: keptRoutes,
        known: (maker, item) => kept.get(maker)?.get(item) ?? NONE,
        use(fragment) {
          if (!isUsed(fragment)) used += 1;
          fragment.usedIn = render;
        },
        add(maker, item, fragment) {
          const items = kept.get(maker) ?? new Map<object, readonly Kept[]>();
          kept.set(maker, items);
          const ways = items.get(item) ?? NONE;
          if (ways.filter(isUsed).length >= MOST_WAYS) return;
          items.set(item, [...ways, { ...fragment, usedIn: render }]);
          count += 1;
          used += 1;
        },
        keep(routes) {
          if (count - used > count * UNUSED_SHARE) drop((it) => !isUsed(it));
          lastKept = render;
          keptRoutes = routes;
        },
      };
    },
  };

  function isUsed({ usedIn }: Kept): boolean {
    return usedIn === render;
  }

  function drop(isOver: (way: Kept) => boolean): void {
    for (const [maker, items] of kept) {
      items.forEach((ways, item) => {
        if (!ways.some(isOver)) return;
        const left = ways.filter((way) => !isOver(way));
        count -= ways.length - left.length;
        if (left.length === 0) items.delete(item);
        else items.set(item, left);
      });
      if (items.size === 0) kept.delete(maker);
    }
  }
}
