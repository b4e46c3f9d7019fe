import { type AnswerValue, type Query, queryText } from "../catalog/query.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { RouteTable } from "../route/route.ts";

/** What one render of one proxy asked and found, beside its text. */
export interface RenderContext {
  readonly snapshot: Snapshot;
  /** Queries asked, by canonical text. */
  readonly asked: Map<string, Query>;
  /** Those of them that have no answer yet. */
  readonly missing: Map<string, Query>;
  /** The routes, once a template asked for them. */
  routeTable: RouteTable | undefined;
}

export function createRenderContext(snapshot: Snapshot): RenderContext {
  return { snapshot, asked: new Map(), missing: new Map(), routeTable: undefined };
}

/** The answer to `query`, noting that it was asked; `undefined` when there is none yet. */
export function ask<Q extends Query>(context: RenderContext, query: Q): AnswerValue<Q> | undefined {
  const text = queryText(query);
  context.asked.set(text, query);
  const answer = context.snapshot.get(query);
  if (answer === undefined) context.missing.set(text, query);
  return answer;
}
