import Handlebars from "handlebars";
import type { Loop } from "./find-loops.ts";
import type { Helper } from "./helper-definition.ts";
import type { RenderContext } from "./render-context.ts";
import { reuse } from "./reuse.ts";

const each = Handlebars.helpers["each"] as unknown as Helper;

interface Options {
  readonly fn: (item: unknown, turn: Turn) => string;
}

/** What Handlebars gives to each turn. */
interface Turn {
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * The `{{#each}}` of one loop, whose turns are reused from the render before, when there is one to go on
 * from. It is called with the list, and then with what the turns need from outside.
 */
export function loopHelper(loop: Loop, context: RenderContext): Helper {
  const { fragments } = context;
  return function run(this: unknown, list, ...rest) {
    const options = rest.pop() as Options;
    const isList = Array.isArray(list);
    // Handlebars tells contexts apart by what they are equal to, which texts and numbers may be to each other.
    if (fragments === undefined || typeof this !== "object" || !isList) {
      return each.call(this, list, options);
    }
    if (context.turns > 0 && list.length < fragments.shortestLoop) {
      return each.call(this, list, options);
    }
    const fn = (item: unknown, turn: Turn): string => {
      if (typeof item !== "object" || item === null || item === this) return options.fn(item, turn);
      return reuse(context, fragments, {
        maker: loop,
        item,
        needs: loop.uses.length === 0 ? rest : [...rest, ...loop.uses.map((it) => turn.data?.[it])],
        make: () => inTurn(context, () => options.fn(item, turn)),
      });
    };
    return each.call(this, list, { ...options, fn });
  };
}

function inTurn(context: RenderContext, make: () => string): string {
  context.turns += 1;
  try {
    return make();
  } finally {
    context.turns -= 1;
  }
}
