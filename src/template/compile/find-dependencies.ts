import { PLAIN_HELPER } from "./rewrite-template.ts";

/** What Handlebars gives to each iteration of a loop. */
export type IterationData = (typeof ITERATION_DATA)[number];
const ITERATION_DATA = ["index", "first", "last", "key"] as const;

/** A parsed template with the partials that it includes, by the names that it includes them by. */
export interface Programs {
  readonly main: hbs.AST.Program;
  readonly partials: ReadonlyMap<string, hbs.AST.Program>;
}

/** What a program's text depends on beside its context and answers. */
export interface Dependencies {
  /** Paths as they are written outside of it, at the block that it is the body of. */
  readonly paths: readonly hbs.AST.PathExpression[];
  readonly uses: readonly IterationData[];
}

/** The surroundings of a program. */
export interface DependencyOptions {
  readonly programs: Programs;
  /** Whether a helper gives the same for the same arguments and answers, and does nothing else. */
  readonly isPure: (helper: string) => boolean;
  /** Names of block parameters from outside. */
  readonly bound: readonly string[];
  /** It is the body of `{{#each}}`: its context is an item. */
  readonly isIteration?: boolean;
}

/** What lies between the program and a statement in it. */
interface Scope {
  /** Block parameters from outside, as far as nothing within has the same name. */
  readonly outer: readonly string[];
  /** Block parameters from within, and what they hold of the iteration. */
  readonly inner: ReadonlyMap<string, IterationData | undefined>;
  /**
   * How many contexts were pushed on top of the program's own, at least and at most: Handlebars pushes none that
   * equals the one below.
   */
  readonly contexts: readonly [number, number];
  /** Loops within, each of which has data of its own. */
  readonly loops: number;
  /** Within a partial, which sees no contexts but its own. */
  readonly partials: readonly string[];
}

/**
 * Finds what the text of a program depends on.
 *
 * @returns `undefined` when that cannot be told, or when it does more than give text
 */
export function findDependencies(
  program: hbs.AST.Program,
  options: DependencyOptions,
): Dependencies | undefined {
  const { programs, isPure, bound, isIteration: isTurn = false } = options;
  const paths = new Map<string, hbs.AST.PathExpression>();
  const uses = new Set<IterationData>();
  let isKnown = true;
  const [item, key] = isTurn ? (program.blockParams ?? []) : [];
  walk(program, {
    outer: bound.filter((name) => name !== item && name !== key),
    inner: new Map([
      ...(item === undefined ? [] : [[item, undefined] as const]),
      ...(key === undefined ? [] : [[key, "key"] as const]),
    ]),
    contexts: [0, 0],
    loops: 0,
    partials: [],
  });
  return isKnown ? { paths: [...paths.values()], uses: [...uses] } : undefined;

  function walk({ body }: hbs.AST.Program, scope: Scope): void {
    for (const statement of body) {
      switch (statement.type) {
        case "ContentStatement":
        case "CommentStatement":
          break;
        case "MustacheStatement":
          call(statement as hbs.AST.MustacheStatement, scope);
          break;
        case "BlockStatement":
          enterBlock(statement as hbs.AST.BlockStatement, scope);
          break;
        case "PartialStatement":
          enterPartial(statement as hbs.AST.PartialStatement, scope);
          break;
        default:
          isKnown = false;
      }
    }
  }

  function enterBlock(block: hbs.AST.BlockStatement, scope: Scope): void {
    readArguments(block, scope);
    const bodies = { program: block.program, inverse: block.inverse ?? undefined };
    const same = withSameContext(scope);
    switch (block.path.original) {
      case "if":
      case "unless":
        walk(bodies.program, within(same, bodies.program));
        break;
      case "each":
        walk(bodies.program, {
          ...within(onceMore(scope), bodies.program),
          loops: scope.loops + 1,
        });
        break;
      case "with":
        walk(bodies.program, within(onceMore(scope), bodies.program));
        break;
      default:
        // A call without output is a block without a body.
        if (bodies.program.body.length > 0 || !isPure(block.path.original)) isKnown = false;
    }
    if (bodies.inverse !== undefined) walk(bodies.inverse, within(same, bodies.inverse));
  }

  function enterPartial(statement: hbs.AST.PartialStatement, scope: Scope): void {
    readArguments(statement, scope);
    const name = (statement.name as hbs.AST.PathExpression).original;
    const partial = programs.partials.get(name);
    if (partial === undefined || scope.partials.includes(name)) {
      isKnown = false;
      return;
    }
    walk(partial, {
      outer: [],
      inner: new Map(),
      contexts: [0, 0],
      loops: scope.loops,
      partials: [...scope.partials, name],
    });
  }

  function call(node: hbs.AST.MustacheStatement | hbs.AST.SubExpression, scope: Scope): void {
    const { original } = node.path as hbs.AST.PathExpression;
    const [first] = node.params;
    const name = original === PLAIN_HELPER ? (first as hbs.AST.StringLiteral).value : original;
    if (!name.startsWith(" ") && !isPure(name)) isKnown = false;
    readArguments(node, scope);
  }

  function readArguments(
    { params, hash }: Pick<hbs.AST.SubExpression, "params"> & { hash?: hbs.AST.Hash | undefined },
    scope: Scope,
  ): void {
    const named = hash?.pairs.map(({ value }) => value) ?? [];
    for (const expression of [...params, ...named]) {
      if (expression.type === "SubExpression") call(expression as hbs.AST.SubExpression, scope);
      if (expression.type === "PathExpression") follow(expression as hbs.AST.PathExpression, scope);
    }
  }

  function follow(path: hbs.AST.PathExpression, scope: Scope): void {
    const { data, depth, parts, original } = path;
    const [name = ""] = parts as readonly string[];
    if (data) {
      followData(path, scope);
      return;
    }
    const isName = depth === 0 && !/^\.|this\b/.test(original);
    if (isName && scope.inner.has(name)) {
      const iterationData = scope.inner.get(name);
      if (iterationData !== undefined) uses.add(iterationData);
      return;
    }
    if (isName && scope.outer.includes(name)) {
      addPath(path);
      return;
    }
    if (scope.partials.length > 0) return;
    const [least, most] = scope.contexts;
    for (let put = least; put <= most; put += 1) {
      // What is further in than the item is a part of it.
      if (depth - put >= 1) addPath(outwards(path, depth - put - 1));
    }
  }

  function followData(path: hbs.AST.PathExpression, { loops }: Scope): void {
    const up = path.depth - loops;
    const iterationData = ITERATION_DATA.find((it) => it === path.parts[0]);
    if (isTurn && iterationData !== undefined && up < 0) return;
    if (isTurn && iterationData !== undefined && up === 0) uses.add(iterationData);
    else addPath(outwards(path, Math.max(0, isTurn ? up - 1 : up)));
  }

  function addPath(path: hbs.AST.PathExpression): void {
    paths.set(JSON.stringify([path.data, path.depth, path.parts]), path);
  }
}

const onceMore = (scope: Scope): Scope => ({
  ...scope,
  contexts: [scope.contexts[0], scope.contexts[1] + 1],
});

/** Around a value that is not there Handlebars puts an empty context, which only an inner loop can meet. */
const withSameContext = (scope: Scope): Scope =>
  scope.contexts[1] === 0 ? scope : onceMore(scope);

/** The scope of a block's body, whose block parameters hide others. */
function within(scope: Scope, { blockParams }: hbs.AST.Program): Scope {
  const names = blockParams ?? [];
  return {
    ...scope,
    outer: scope.outer.filter((name) => !names.includes(name)),
    inner: new Map([...scope.inner, ...names.map((name) => [name, undefined] as const)]),
  };
}

/** The same path, written further out. */
function outwards(path: hbs.AST.PathExpression, depth: number): hbs.AST.PathExpression {
  const before = depth > 0 ? "../".repeat(depth) : path.data ? "" : "./";
  const original = `${path.data ? "@" : ""}${before}${path.parts.join("/")}`;
  return { ...path, depth, original };
}
