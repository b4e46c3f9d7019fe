import Handlebars from "handlebars";
import type { Loop } from "../compile/find-loops.ts";
import type { HandlebarsHelper } from "../handlebars-helper.ts";
import type { RenderContext } from "./render-context.ts";
import { recall, reuse } from "./reuse.ts";

const each = Handlebars.helpers["each"] as unknown as HandlebarsHelper;

interface Options {
  readonly fn: (item: unknown, iteration: Iteration) => string;
}

/** What Handlebars gives to each iteration. */
interface Iteration {
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * The `{{#each}}` of one loop, whose iterations are reused from the render before, when there is one to go on
 * from. It is called with the list, and then with what the iterations need from outside.
 */
export function loopHelper(loop: Loop, context: RenderContext): HandlebarsHelper {
  const { fragments } = context;
  return function run(this: unknown, list, ...dependencies) {
    const options = dependencies.pop() as Options;
    const isList = Array.isArray(list);
    // Handlebars compares contexts by equality, and two texts or numbers may be equal.
    if (fragments === undefined || typeof this !== "object" || !isList) {
      return each.call(this, list, options);
    }
    if (context.iterations > 0 && list.length < fragments.shortestLoop) {
      return each.call(this, list, options);
    }
    const isPiece = (item: unknown): item is object =>
      typeof item === "object" && item !== null && item !== this;
    const fn = (item: unknown, iteration: Iteration): string => {
      if (!isPiece(item)) return options.fn(item, iteration);
      return reuse(context, fragments, {
        maker: loop,
        item,
        dependencies: dependenciesOf(loop, dependencies, iteration),
        make: () => asIteration(context, () => options.fn(item, iteration)),
      });
    };
    if (loop.uses.length > 0 || list.length === 0) return each.call(this, list, { ...options, fn });
    // The position of an iteration does not matter: only those that must be made again go through Handlebars.
    return joinIterations(list, {
      know: (item) =>
        isPiece(item) ? recall(context, fragments.known(loop, item), dependencies) : undefined,
      make: (others, note) =>
        each.call(this, others, {
          ...options,
          fn: (item: unknown, iteration: Iteration) => note(fn(item, iteration)),
        }),
    });
  };
}

/** The texts of all iterations, of which those that are not known are made together. */
function joinIterations(
  list: readonly unknown[],
  options: {
    know(item: unknown): string | undefined;
    /** Makes the iterations of `others`, and gives the text of each to `note`, in their order. */
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

const dependenciesOf = (
  loop: Loop,
  dependencies: readonly unknown[],
  iteration: Iteration,
): readonly unknown[] =>
  loop.uses.length === 0
    ? dependencies
    : [...dependencies, ...loop.uses.map((it) => iteration.data?.[it])];

function asIteration(context: RenderContext, make: () => string): string {
  context.iterations += 1;
  try {
    return make();
  } finally {
    context.iterations -= 1;
  }
}
