import type { Basis, FragmentPass, KeptFragment, RoutesBasis } from "./fragments.ts";
import { answerTo, type RenderContext, requireAgain } from "./render-context.ts";

/** A piece of text that may have been made in the render before, and how it is made. */
export interface FragmentRequest {
  /** What makes it, such as a loop of a template. */
  readonly maker: object;
  /** What it is made of. */
  readonly item: object;
  /** What it depends on beside that and the answers that making it asks for. */
  readonly dependencies: readonly unknown[];
  make(): string;
}

/** The text of a piece: as it was while all that it depends on is the same, else made again. */
export function reuse(
  context: RenderContext,
  fragments: FragmentPass,
  piece: FragmentRequest,
): string {
  const { maker, item, dependencies } = piece;
  const known = recall(context, fragments.known(maker, item), dependencies);
  if (known !== undefined) return known;
  const { result: text, basis } = withBasis(context, piece.make);
  if (context.missing.size === 0)
    fragments.add(maker, item, { text: flat(text), basis, dependencies: dependencies });
  return text;
}

/**
 * The text as it was, while all that it depends on is the same. This runs for each of thousands of iterations. Most
 * query nothing more, and for those this allocates nothing.
 *
 * @param known the pieces that were made of the item before
 */
export function recall(
  context: RenderContext,
  known: readonly KeptFragment[],
  dependencies: readonly unknown[],
): string | undefined {
  for (let i = 0; i < known.length; i += 1) {
    const fragment = known[i] as KeptFragment;
    if (isSame(fragment.dependencies, dependencies) && isCurrent(fragment.basis, context)) {
      replay(fragment.basis, context);
      context.fragments?.use(fragment);
      return fragment.text;
    }
  }
  return undefined;
}

/** Does `work`, and returns what it was made from. */
function withBasis<T>(
  context: RenderContext,
  work: () => T,
): { readonly result: T; readonly basis: Basis } {
  const around = context.basis;
  const basis: Basis = { asked: new Map(), routes: undefined };
  context.basis = basis;
  try {
    return { result: work(), basis };
  } finally {
    context.basis = around;
    if (around !== undefined) addTo(around, basis);
  }
}

/** Whether the answers are those that something was made from. */
function isCurrent(basis: Basis, context: RenderContext): boolean {
  if (basis.routes !== undefined && !areCurrent(basis.routes, context)) return false;
  return hasAnswers(basis.asked, context);
}

/** Whether a route table would be the same again. */
export function areCurrent(routes: RoutesBasis, context: RenderContext): boolean {
  if (context.routes !== undefined) return context.routes === routes;
  return routes.lingering === context.snapshot.lingering && hasAnswers(routes.asked, context);
}

function hasAnswers(asked: RoutesBasis["asked"], context: RenderContext): boolean {
  if (asked.size === 0) return true;
  for (const { query, answer } of asked.values()) {
    if (answerTo(context, query) !== answer) return false;
  }
  return true;
}

/** Leaves the context as if what was made from `basis` had been made again. */
function replay(basis: Basis, context: RenderContext): void {
  if (basis.routes !== undefined) useRoutes(basis.routes, context);
  if (basis.asked.size > 0) noteAsked(basis.asked, context);
  if (context.basis !== undefined) addTo(context.basis, basis);
}

/** Makes a route table the one of this render. */
export function useRoutes(routes: RoutesBasis, context: RenderContext): void {
  if (context.routes === undefined) {
    context.routes = routes;
    noteAsked(routes.asked, context);
  }
  if (context.basis !== undefined) context.basis.routes = context.routes;
}

function noteAsked(asked: RoutesBasis["asked"], context: RenderContext): void {
  for (const [text, { query, isRequired }] of asked) {
    context.asked.set(text, query);
    if (isRequired === true) requireAgain(context, query);
  }
}

function addTo(basis: Basis, more: Basis): void {
  basis.routes ??= more.routes;
  if (more.asked.size === 0) return;
  for (const [text, answered] of more.asked) basis.asked.set(text, answered);
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

/** Concatenations are kept by V8 as trees of their parts, until a character of them is read. */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}
