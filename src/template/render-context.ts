import type { Instance, ServiceSummary } from "../catalog/instance.ts";
import { type AnswerValue, type Query, queryText } from "../catalog/query.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { RouteTable } from "../route/route.ts";
import type { Trace } from "./trace.ts";

/** What one render of one proxy asked and found, beside its text. */
export interface RenderContext {
  readonly snapshot: Snapshot;
  /** Queries asked, by canonical text. */
  readonly asked: Map<string, Query>;
  /** Those of them that have no answer yet. */
  readonly missing: Map<string, Query>;
  /** Environment variables that templates may read. */
  readonly environment: Readonly<Record<string, string>>;
  /** Services that this render leaves out as if they were not registered. */
  readonly leftOut: ReadonlySet<string>;
  /** Values are written as stand-ins: only the shape of the output counts. */
  readonly isShapeOnly: boolean;
  /** Notes where each piece of the output comes from, when that is asked for. */
  readonly trace: Trace | undefined;
  /** What the template that is rendered keeps; it goes with its output. */
  readonly scratch: Map<string, unknown>;
  /** The routes, once a template asked for them. */
  routeTable: RouteTable | undefined;
}

/** What differs from a plain render of everything. */
export type RenderOptions = Partial<
  Pick<RenderContext, "environment" | "leftOut" | "isShapeOnly" | "trace">
>;

export function createRenderContext(
  snapshot: Snapshot,
  { environment = {}, leftOut = new Set(), isShapeOnly = false, trace }: RenderOptions = {},
): RenderContext {
  return {
    snapshot,
    environment,
    leftOut,
    isShapeOnly,
    trace,
    asked: new Map(),
    missing: new Map(),
    scratch: new Map(),
    routeTable: undefined,
  };
}

/** The answer to `query`, noting that it was asked; `undefined` when there is none yet. */
export function ask<Q extends Query>(context: RenderContext, query: Q): AnswerValue<Q> | undefined {
  const text = queryText(query);
  context.asked.set(text, query);
  const answer = context.snapshot.get(query);
  if (answer === undefined) {
    context.missing.set(text, query);
    return undefined;
  }
  const kept = withoutLeftOut(answer, query, context.leftOut) as AnswerValue<Q>;
  context.trace?.answered(query, kept);
  return kept;
}

function withoutLeftOut(
  answer: AnswerValue,
  query: Query,
  leftOut: ReadonlySet<string>,
): AnswerValue {
  if (leftOut.size === 0) return answer;
  if (query.kind === "services") {
    return (answer as readonly ServiceSummary[]).filter(({ name }) => !leftOut.has(name));
  }
  if ("name" in query && leftOut.has(query.name)) return [];
  if (query.kind === "connect" || query.kind === "prepared") {
    return (answer as readonly Instance[]).filter(({ name }) => !leftOut.has(name));
  }
  return answer;
}
