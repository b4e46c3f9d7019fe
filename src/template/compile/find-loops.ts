import { loopName } from "./compile-handlebars.ts";
import {
  type Dependencies,
  findDependencies,
  type IterationData,
  type Programs,
} from "./find-dependencies.ts";

/** An `{{#each}}` whose iterations can be reused. */
export interface Loop {
  /** Which of the data that Handlebars gives to each iteration are read. */
  readonly uses: readonly IterationData[];
}

/** What was found in a template. */
export interface FoundLoops {
  /** By the number in the name of the helper that the loop was rewritten to. */
  readonly loops: readonly Loop[];
  /** Whether the text as a whole depends on nothing but its data and answers. */
  readonly isReusable: boolean;
}

/**
 * Rewrites the loops whose iterations can be reused, in place: their helper gets what the iterations depend on beside
 * their item as further arguments.
 *
 * An iteration whose text depends on nothing but its item, on what paths from outside lead to, and on answers of
 * the catalog gives the same text again while these are the same.
 *
 * @param isPure whether a helper gives the same for the same arguments and answers, and does nothing else
 */
export function findLoops(programs: Programs, isPure: (helper: string) => boolean): FoundLoops {
  const found: { readonly block: hbs.AST.BlockStatement; readonly dependencies: Dependencies }[] =
    [];
  for (const program of [programs.main, ...programs.partials.values()]) visit(program, []);
  const isReusable = findDependencies(programs.main, { programs, isPure, bound: [] }) !== undefined;
  return { isReusable, loops: found.map(rewrite) };

  /** @param bound names of block parameters that can be seen there */
  function visit(program: hbs.AST.Program, bound: readonly string[]): void {
    const names = [...bound, ...(program.blockParams ?? [])];
    for (const statement of program.body) {
      if (statement.type !== "BlockStatement") continue;
      const block = statement as hbs.AST.BlockStatement;
      if (block.path.original === "each" && block.params.length === 1) {
        const dependencies = findDependencies(block.program, {
          programs,
          isPure,
          bound: names,
          isIteration: true,
        });
        if (dependencies !== undefined) found.push({ block, dependencies });
      }
      visit(block.program, names);
      if (block.inverse !== undefined && block.inverse !== null) visit(block.inverse, names);
    }
  }
}

function rewrite(
  {
    block,
    dependencies,
  }: { readonly block: hbs.AST.BlockStatement; readonly dependencies: Dependencies },
  number: number,
): Loop {
  const name = loopName(number);
  block.path = { ...block.path, original: name, parts: [name] };
  block.params.push(...dependencies.paths);
  return { uses: dependencies.uses };
}
