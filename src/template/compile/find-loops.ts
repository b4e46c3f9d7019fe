import { loopName } from "./compile-handlebars.ts";
import { findNeeds, type Needs, type Programs, type TurnData } from "./find-needs.ts";

/** An `{{#each}}` whose turns can be reused. */
export interface Loop {
  /** What its turns read of what Handlebars tells each turn. */
  readonly uses: readonly TurnData[];
}

/** What was found in a template. */
export interface FoundLoops {
  /** By the number in the name of the helper that the loop was rewritten to. */
  readonly loops: readonly Loop[];
  /** Whether the text as a whole depends on nothing but its data and answers. */
  readonly isReusable: boolean;
}

/**
 * Rewrites the loops whose turns can be reused, in place: their helper gets what the turns depend on beside
 * their item as further arguments.
 *
 * A turn whose text depends on nothing but its item, on what paths from outside lead to, and on answers of
 * the catalog gives the same text again while these are the same.
 *
 * @param isPure whether a helper gives the same for the same arguments and answers, and does nothing else
 */
export function findLoops(programs: Programs, isPure: (helper: string) => boolean): FoundLoops {
  const found: { readonly block: hbs.AST.BlockStatement; readonly needs: Needs }[] = [];
  for (const program of [programs.main, ...programs.partials.values()]) visit(program, []);
  const isReusable = findNeeds(programs.main, { programs, isPure, bound: [] }) !== undefined;
  return { isReusable, loops: found.map(rewrite) };

  /** @param bound names of block parameters that can be seen there */
  function visit(program: hbs.AST.Program, bound: readonly string[]): void {
    const names = [...bound, ...(program.blockParams ?? [])];
    for (const statement of program.body) {
      if (statement.type !== "BlockStatement") continue;
      const block = statement as hbs.AST.BlockStatement;
      if (block.path.original === "each" && block.params.length === 1) {
        const needs = findNeeds(block.program, { programs, isPure, bound: names, isTurn: true });
        if (needs !== undefined) found.push({ block, needs });
      }
      visit(block.program, names);
      if (block.inverse !== undefined && block.inverse !== null) visit(block.inverse, names);
    }
  }
}

function rewrite(
  { block, needs }: { readonly block: hbs.AST.BlockStatement; readonly needs: Needs },
  number: number,
): Loop {
  const name = loopName(number);
  block.path = { ...block.path, original: name, parts: [name] };
  block.params.push(...needs.paths);
  return { uses: needs.uses };
}
