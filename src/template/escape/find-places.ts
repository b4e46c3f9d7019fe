import { placeOf } from "../place-of.ts";
import { TemplateFault } from "../template-error.ts";
import type { Place } from "./escaper.ts";
import type { Lexer } from "./lexer.ts";

/** Each place that each `{{x}}` of a program may come to stand in. */
type Places = ReadonlyMap<hbs.AST.MustacheStatement, readonly Place[]>;

/** States that the text may be in at one point, by their key: branches may lead to several. */
export type States = ReadonlyMap<string, unknown>;

/** More ways than this no template leads to one point by intent. */
const MOST_STATES = 100;

/** Follows a template's branches and loops, to know where its values stand. */
export interface PlaceFinder {
  /** Follows `program` from `before`, collecting the places on the way. @throws {TemplateFault} */
  follow(program: hbs.AST.Program, before: States): States;
  readonly start: States;
  readonly places: Places;
}

/**
 * @param include follows a partial from the states that it is included in
 */
export function createPlaceFinder(
  lexer: Lexer<unknown, Place>,
  include: (statement: hbs.AST.PartialStatement, before: States) => States,
): PlaceFinder {
  const found = new Map<hbs.AST.MustacheStatement, Map<string, Place>>();
  const read = new Map<hbs.AST.Statement, Map<string, unknown>>();
  return {
    follow,
    start: toStates([lexer.start]),
    get places() {
      return new Map([...found].map(([node, places]) => [node, [...places.values()]]));
    },
  };

  function follow(program: hbs.AST.Program, before: States): States {
    return program.body.reduce<States>(
      (states, statement, i) => step(statement, states, program.body[i + 1]),
      before,
    );
  }

  function step(
    statement: hbs.AST.Statement,
    before: States,
    following: hbs.AST.Statement | undefined,
  ): States {
    switch (statement.type) {
      case "ContentStatement":
        return afterText(statement as hbs.AST.ContentStatement, before);
      case "MustacheStatement":
        return afterValue(statement as hbs.AST.MustacheStatement, before, following);
      case "BlockStatement":
        return afterBlock(statement as hbs.AST.BlockStatement, before);
      case "PartialStatement":
        return include(statement as hbs.AST.PartialStatement, before);
      default:
        return before;
    }
  }

  /** Loops lead through the same text many times: what it does to a state is known after the first. */
  function afterText(content: hbs.AST.ContentStatement, before: States): States {
    const known = read.get(content) ?? new Map<string, unknown>();
    read.set(content, known);
    for (const [key, state] of before) {
      if (!known.has(key)) known.set(key, lexer.text(state, content.value));
    }
    return toStates([...before.keys()].map((key) => known.get(key)));
  }

  function afterValue(
    mustache: hbs.AST.MustacheStatement,
    before: States,
    following: hbs.AST.Statement | undefined,
  ): States {
    const places = found.get(mustache) ?? new Map<string, Place>();
    found.set(mustache, places);
    for (const state of before.values()) {
      const place = joined(asWritten(lexer.place(state), mustache), following);
      places.set(JSON.stringify(place), place);
    }
    return toStates([...before.values()].map((state) => lexer.value(state)));
  }

  function afterBlock(block: hbs.AST.BlockStatement, before: States): States {
    const isOnce = ["if", "unless", "with"].includes(block.path.original);
    const body = isOnce ? follow(block.program, before) : loop(block, before);
    const otherwise = block.inverse === undefined ? before : follow(block.inverse, before);
    return union(body, otherwise, block);
  }

  /** The body may run any number of times: followed until it leads to nothing new. */
  function loop({ program, loc }: hbs.AST.BlockStatement, before: States): States {
    let states = before;
    for (;;) {
      const more = union(states, follow(program, states), { loc });
      if (more.size === states.size) return more;
      states = more;
    }
  }
}

/** @throws {TemplateFault} when there are too many */
export function union(a: States, b: States, at: { readonly loc: hbs.AST.SourceLocation }): States {
  const result = new Map([...a, ...b]);
  if (result.size <= MOST_STATES) return result;
  throw new TemplateFault("cannot tell where the values after this stand", {
    hint: "Let each branch and each iteration of a loop close the blocks and quotes that it opens",
    place: placeOf(at.loc),
  });
}

const toStates = (states: readonly unknown[]): States =>
  new Map(states.map((state) => [JSON.stringify(state) ?? "", state]));

/** `{{regexQuote x}}` is quoted for a pattern already. */
function asWritten(place: Place, { path }: hbs.AST.MustacheStatement): Place {
  if ((path as hbs.AST.PathExpression).original !== "regexQuote") return place;
  if (place.format === "nginx") return { ...place, isRegex: false };
  return place.format === "vcl" && place.meaning === "pattern"
    ? { ...place, meaning: "plain" }
    : place;
}

/** An empty value does no harm where the word goes on after it. */
function joined(place: Place, following: hbs.AST.Statement | undefined): Place {
  if (place.format !== "nginx" || following?.type !== "ContentStatement") return place;
  const { value } = following as hbs.AST.ContentStatement;
  return /^[^\s;{}#]/.test(value) ? { ...place, isJoined: true } : place;
}
