import type { Instance, ServiceSummary } from "../../catalog/instance.ts";
import { type AnswerValue, type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import { DEFAULT_ROUTES, type RoutesConfig } from "../../config/routes-schema.ts";
import type { Trace } from "../provenance/trace.ts";
import type { Answered, Basis, FragmentPass, RoutesBasis } from "./fragments.ts";

/** What one render of one proxy asked and found, beside its text. */
export interface RenderContext {
  readonly snapshot: Snapshot;
  /** Queries asked, by canonical text. */
  readonly asked: Map<string, Query>;
  /** Those of them that have no answer yet. */
  readonly missing: Map<string, Query>;
  /** Queries whose answer is empty, and that the templates cannot do without: what was in force is used. */
  readonly removed: Map<string, Query>;
  /** Environment variables that templates may read. */
  readonly environment: Readonly<Record<string, string>>;
  /** Which instances serve the routes. */
  readonly routesConfig: RoutesConfig;
  /** Services that this render leaves out as if they were not registered. */
  readonly leftOut: ReadonlySet<string>;
  /** Values are written as placeholders: only the shape of the output counts. */
  readonly isShapeOnly: boolean;
  /** Notes where each piece of the output comes from, when that is asked for. */
  readonly trace: Trace | undefined;
  /** What the template that is rendered keeps; it goes with its output. */
  readonly scratch: Map<string, unknown>;
  /** Pieces of the render before, when there is one to go on from. */
  readonly fragments: FragmentPass | undefined;
  /** How many remembered iterations of loops enclose the text that is being rendered. */
  iterations: number;
  /** What the piece of text at hand is made from, when that is recorded. */
  basis: Basis | undefined;
  /** The routes, once a template asked for them, and what they were made from. */
  routes: RoutesBasis | undefined;
}

/** What differs from a plain render of everything. */
export type RenderOptions = Partial<
  Pick<RenderContext, "environment" | "routesConfig" | "leftOut" | "isShapeOnly" | "trace">
> & {
  readonly fragments?: FragmentPass | undefined;
  /** Where the queries that are asked are noted. */
  readonly asked?: Map<string, Query> | undefined;
};

export function createRenderContext(
  snapshot: Snapshot,
  {
    environment = {},
    routesConfig = DEFAULT_ROUTES,
    leftOut = new Set(),
    isShapeOnly = false,
    trace,
    fragments,
    asked = new Map(),
  }: RenderOptions = {},
): RenderContext {
  return {
    snapshot,
    environment,
    routesConfig,
    leftOut,
    isShapeOnly,
    trace,
    fragments,
    asked,
    missing: new Map(),
    removed: new Map(),
    scratch: new Map(),
    iterations: 0,
    basis: undefined,
    routes: undefined,
  };
}

/** The answer to `query`, noting that it was asked; `undefined` when there is none yet. */
export function ask<Q extends Query>(context: RenderContext, query: Q): AnswerValue<Q> | undefined {
  const text = queryText(query);
  context.asked.set(text, query);
  const answer = answerTo(context, query);
  if (answer === undefined) {
    context.missing.set(text, query);
    return undefined;
  }
  context.basis?.asked.set(text, answered(context, text, { query, answer }));
  context.trace?.answered(query, answer);
  return answer;
}

/**
 * The answer to a query that must not be empty: no `null` and no empty list. What was in force stands in for an empty
 * one; where there never was anything, the answer counts as missing.
 */
export function askRequired<Q extends Query>(
  context: RenderContext,
  query: Q,
): AnswerValue<Q> | undefined {
  const answer = ask(context, query);
  if (answer === undefined || !isEmpty(answer)) return answer;
  const text = queryText(query);
  context.basis?.asked.set(text, { query, answer, isRequired: true });
  return requireAgain(context, query);
}

/** What stands in for an empty answer that is required. */
export function requireAgain<Q extends Query>(
  context: RenderContext,
  query: Q,
): AnswerValue<Q> | undefined {
  const text = queryText(query);
  const last = context.snapshot.lastInForce?.(query);
  if (last === undefined || isEmpty(last)) {
    context.missing.set(text, query);
    return undefined;
  }
  context.removed.set(text, query);
  return last as AnswerValue<Q>;
}

const isEmpty = (answer: AnswerValue): boolean =>
  answer === null || (Array.isArray(answer) && answer.length === 0);

/** Of thousands of answers that routes are made from most are as they were: they are not noted again. */
function answered({ fragments }: RenderContext, text: string, now: Answered): Answered {
  const before = fragments?.routesBefore?.asked.get(text);
  return before?.answer === now.answer ? before : now;
}

/** The answer to `query` without what is to be left out. */
export function answerTo<Q extends Query>(
  { snapshot, leftOut }: Pick<RenderContext, "snapshot" | "leftOut">,
  query: Q,
): AnswerValue<Q> | undefined {
  const answer = snapshot.get(query);
  if (answer === undefined || leftOut.size === 0) return answer;
  if (query.kind === "services" || query.kind === "connect" || query.kind === "prepared") {
    return withoutServices(answer as readonly Named[], leftOut) as AnswerValue<Q>;
  }
  return "name" in query && leftOut.has(query.name) ? (NOTHING as AnswerValue<Q>) : answer;
}

const NOTHING: readonly Named[] = [];

/** A service, or an instance of one. */
type Named = Instance | ServiceSummary;

/** The last list that was made of an answer: while the same services are left out it stays the same object. */
const shortened = new WeakMap<
  readonly Named[],
  { readonly leftOut: ReadonlySet<string>; readonly kept: readonly Named[] }
>();

function withoutServices(all: readonly Named[], leftOut: ReadonlySet<string>): readonly Named[] {
  const before = shortened.get(all);
  const isSame =
    before?.leftOut.size === leftOut.size && [...leftOut].every((it) => before.leftOut.has(it));
  if (before !== undefined && isSame) return before.kept;
  const kept = all.filter(({ name }) => !leftOut.has(name));
  shortened.set(all, { leftOut, kept });
  return kept;
}
