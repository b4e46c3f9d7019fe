import Handlebars from "handlebars";
import type { Loop } from "../compile/find-loops.ts";
import type { Helper } from "../helper-definition.ts";
import type { RenderContext } from "./render-context.ts";
import { recall, reuse } from "./reuse.ts";

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
  return function run(this: unknown, list, ...needs) {
    const options = needs.pop() as Options;
    const isList = Array.isArray(list);
    // Handlebars tells contexts apart by what they are equal to, which texts and numbers may be to each other.
    if (fragments === undefined || typeof this !== "object" || !isList) {
      return each.call(this, list, options);
    }
    if (context.iterations > 0 && list.length < fragments.shortestLoop) {
      return each.call(this, list, options);
    }
    const isPiece = (item: unknown): item is object =>
      typeof item === "object" && item !== null && item !== this;
    const fn = (item: unknown, turn: Turn): string => {
      if (!isPiece(item)) return options.fn(item, turn);
      return reuse(context, fragments, {
        maker: loop,
        item,
        needs: needsOf(loop, needs, turn),
        make: () => inTurn(context, () => options.fn(item, turn)),
      });
    };
    if (loop.uses.length > 0 || list.length === 0) return each.call(this, list, { ...options, fn });
    // Where a turn stands does not matter: of thousands only those that are to be made go through Handlebars.
    return joinTurns(list, {
      know: (item) =>
        isPiece(item) ? recall(context, fragments.known(loop, item), needs) : undefined,
      make: (others, note) =>
        each.call(this, others, {
          ...options,
          fn: (item: unknown, turn: Turn) => note(fn(item, turn)),
        }),
    });
  };
}

/** The texts of all turns, of which those that are not known are made together. */
function joinTurns(
  list: readonly unknown[],
  options: {
    know(item: unknown): string | undefined;
    /** Makes the turns of `others`, and gives the text of each to `note`, in their order. */
    make(others: readonly unknown[], note: (text: string) => ""): void;
  },
): string {
  const known = list.map((item) => options.know(item));
  const made: string[] = [];
  const others = list.filter((_, i) => known[i] === undefined);
  if (others.length > 0) {
    options.make(others, (text) => {
      made.push(text);
      return "";
    });
  }
  let next = 0;
  // V8 keeps a concatenation as its parts: the bytes are copied once, with those around them.
  return known.reduce<string>((all, text) => all + (text ?? made[next++]), "");
}

const needsOf = (loop: Loop, needs: readonly unknown[], turn: Turn): readonly unknown[] =>
  loop.uses.length === 0 ? needs : [...needs, ...loop.uses.map((it) => turn.data?.[it])];

function inTurn(context: RenderContext, make: () => string): string {
  context.iterations += 1;
  try {
    return make();
  } finally {
    context.iterations -= 1;
  }
}
