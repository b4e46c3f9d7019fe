import type { Instance, ServiceSummary } from "../../catalog/instance.ts";
import type { ServiceQuery } from "../../catalog/query.ts";
import type { Route } from "../../route/route.ts";
import { buildRouteTable } from "../../route/route-table.ts";
import type { RoutesBasis } from "./fragments.ts";
import { ask, type RenderContext } from "./render-context.ts";
import { areCurrent, useRoutes } from "./reuse.ts";

/** Consul's own service is no route: its port speaks no HTTP. */
const CONSUL_ITSELF = "consul";

/** All routes of all services. Built once per render, and only when a service changed since the one before. */
export function routes(context: RenderContext): readonly Route[] {
  const before = context.routes ?? context.fragments?.routesBefore;
  const isCurrent = before !== undefined && areCurrent(before, context);
  const basis = isCurrent ? before : build(context);
  if (!isCurrent) context.routes = basis; // what it asked is noted
  useRoutes(basis, context);
  context.trace?.routed(basis.table.routes);
  return basis.table.routes;
}

/** The questions are the table's, not those of the text that it is built for. */
function build(context: RenderContext): RoutesBasis {
  const around = context.basis;
  const asked: RoutesBasis["asked"] = new Map();
  context.basis = { asked: asked as Map<string, never>, routes: undefined };
  try {
    return {
      asked,
      lingering: context.snapshot.lingering,
      table: buildRouteTable(registeredInstances(context), {
        rules: context.routesConfig,
        before: context.fragments?.routesBefore?.table,
      }),
    };
  } finally {
    context.basis = around;
  }
}

function registeredInstances(context: RenderContext): readonly (readonly Instance[])[] {
  const services = ask(context, { kind: "services" }) ?? [];
  const registered = services
    .filter((it) => it.name !== CONSUL_ITSELF)
    .map((it) => ask(context, queryOf(it)) ?? []);
  return [...registered, ...(context.snapshot.lingering ?? [])];
}

/** While a service's summary is the same, so is the query: its text is made once. */
const queries = new WeakMap<ServiceSummary, ServiceQuery>();

function queryOf(summary: ServiceSummary): ServiceQuery {
  const known = queries.get(summary);
  if (known !== undefined) return known;
  const query = { kind: "service", name: summary.name } as const;
  queries.set(summary, query);
  return query;
}
