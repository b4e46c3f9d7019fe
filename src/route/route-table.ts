import type { Instance } from "../catalog/instance.ts";
import { DEFAULT_ROUTES, type RoutesConfig } from "../config/routes-schema.ts";
import type { Route, RouteProblem, RouteTable } from "./route.ts";
import { routeNames } from "./route-name.ts";
import { byAge, claimsOfService, problem, type ServiceClaims } from "./service-claims.ts";

type Claim = ServiceClaims["claims"][number];

/**
 * Builds the routes of all services. Pure: equal instances give an equal table, whatever their order.
 *
 * An instance's invalid setting is ignored. A second claim to a host and path is left
 * out. Both are reported as problems.
 *
 * @param services the instances of each service, whatever their health
 * @param options.rules which instances serve
 * @param options.before a table to go on from: where only servers changed, nothing else is worked out again
 */
export function buildRouteTable(
  services: readonly (readonly Instance[])[],
  { rules = DEFAULT_ROUTES, before }: TableOptions = {},
): RouteTable {
  const all = services.map((instances) => claimsOfService(instances, rules));
  const table = (before && withOtherServers(before, all)) ?? build(all);
  claimsBehind.set(table, all);
  return table;
}

interface TableOptions {
  readonly rules?: RoutesConfig;
  readonly before?: RouteTable | undefined;
}

/** What the services claimed when a table was built, in their order. */
const claimsBehind = new WeakMap<RouteTable, readonly ServiceClaims[]>();

/** `undefined` where more changed than the servers behind some routes. */
function withOtherServers(
  before: RouteTable,
  all: readonly ServiceClaims[],
): RouteTable | undefined {
  const was = claimsBehind.get(before);
  if (was?.length !== all.length) return undefined;
  const replaced = new Map<Route, Route>();
  const changed = all.flatMap((now, i) => (was[i] === now ? [] : [{ now, old: was[i] }]));
  for (const { now, old } of changed) {
    if (old === undefined || !claimTheSame(old, now)) return undefined;
    for (const [i, { route }] of now.claims.entries()) {
      const known = namedBefore.get(old.claims[i]?.route ?? route);
      if (known !== undefined) replaced.set(known, named(route, known.name));
    }
  }
  return { ...before, routes: before.routes.map((route) => replaced.get(route) ?? route) };
}

/** Whether both ask for the same places, with the same right to them, and nothing is to be said of either. */
function claimTheSame(a: ServiceClaims, b: ServiceClaims): boolean {
  return (
    a.problems.length === 0 &&
    b.problems.length === 0 &&
    a.claims.length === b.claims.length &&
    a.claims.every((claim, i) => isSameClaim(claim, b.claims[i]))
  );
}

const isSameClaim = (a: Claim, b: Claim | undefined): boolean =>
  b !== undefined &&
  a.route.service === b.route.service &&
  a.route.host === b.route.host &&
  a.route.path === b.route.path &&
  byAge(a.oldest, b.oldest) === 0;

function build(all: readonly ServiceClaims[]): RouteTable {
  const problems = all.flatMap((service) => service.problems);
  const claims = all.flatMap((service) => service.claims);
  const granted = grant(
    claims.toSorted((a, b) => byAge(a.oldest, b.oldest)),
    problems,
  );
  const names = routeNames(granted);
  return {
    routes: granted.map((route, i) => named(route, names[i] ?? "")).toSorted(byPrecedence),
    problems: problems.toSorted(byText),
  };
}

/** What did not change stays the same object: what was made from it can be reused. */
const namedBefore = new WeakMap<Claim["route"], Route>();

function named(route: Claim["route"], name: string): Route {
  const before = namedBefore.get(route);
  if (before?.name === name) return before;
  const result = { ...route, name };
  namedBefore.set(route, result);
  return result;
}

/** Of several services that claim one host and path the oldest keeps it. Claims come oldest first. */
function grant(claims: readonly Claim[], problems: RouteProblem[]): readonly Claim["route"][] {
  const owners = new Map<string, Claim["route"]>();
  for (const { route, oldest } of claims) {
    const place = `${route.host ?? ""}${route.path}`;
    const owner = owners.get(place);
    if (owner === undefined) {
      owners.set(place, route);
      continue;
    }
    const reason = `service "${owner.service}" is older and keeps it; this route is left out`;
    problems.push(problem(oldest, `route ${place}`, reason));
  }
  return [...owners.values()];
}

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

/** Hosts before hostless, exact hosts before wildcards, longer wildcards first; the longest path first in each. */
const byPrecedence = (a: Route, b: Route): number =>
  compare(hostRank(a), hostRank(b)) ||
  compare(hostLength(b), hostLength(a)) ||
  compare(a.host ?? "", b.host ?? "") ||
  compare(b.path.length, a.path.length) ||
  compare(a.path, b.path);

const hostRank = ({ host }: Route): number =>
  host === undefined ? 2 : host.startsWith("*") ? 1 : 0;
const hostLength = ({ host }: Route): number => (host?.startsWith("*") ? host.length : 0);

const byText = (a: RouteProblem, b: RouteProblem): number =>
  compare(JSON.stringify(a), JSON.stringify(b));
