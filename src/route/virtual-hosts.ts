import type { Route } from "./route.ts";

/** What is served under one host name, or under all others when it has none. */
export interface VirtualHost {
  readonly host?: string;
  /** Longest path first: the first one whose path the request's begins with serves it. */
  readonly routes: readonly Route[];
  /** Whether a route has the path `/`. */
  readonly hasRoot: boolean;
}

/**
 * Groups routes by host: the one without a host first, and always there. Pure.
 *
 * A host's own routes come before those of wildcards that match it, and these before routes without a
 * host: what a host claims, with all below it, nobody can take by claiming a longer path everywhere.
 */
export function virtualHosts(routes: readonly Route[]): readonly VirtualHost[] {
  const byHost = new Map<string | undefined, Route[]>([[undefined, []]]);
  for (const route of routes) {
    const others = byHost.get(route.host);
    if (others === undefined) byHost.set(route.host, [route]);
    else others.push(route);
  }
  const wildcards = [...byHost.keys()]
    .filter((host) => host?.startsWith("*.") === true)
    .toSorted((a = "", b = "") => b.length - a.length);
  return [...byHost].map(([host, own]) => {
    if (host === undefined) return toVirtualHost(host, own, []);
    const matching = wildcards.filter((it = "") => it !== host && host.endsWith(it.slice(1)));
    return toVirtualHost(
      host,
      own,
      [...matching, undefined].map((it) => byHost.get(it) ?? []),
    );
  });
}

/** By the first of a host's own routes: what did not change stays the same object. */
const known = new WeakMap<Route, VirtualHost>();

function toVirtualHost(
  host: string | undefined,
  own: readonly Route[],
  others: readonly (readonly Route[])[],
): VirtualHost {
  const routes = sorted(others.reduce(withUncovered, own));
  const [first] = own;
  const before = first === undefined ? undefined : known.get(first);
  if (before?.host === host && isSame(before?.routes, routes)) return before as VirtualHost;
  const hasRoot = routes.some(({ path }) => path === "/");
  const result = { ...(host === undefined ? {} : { host }), routes, hasRoot };
  if (first !== undefined) known.set(first, result);
  return result;
}

/** Of one host they come in order from a route table: then there is nothing to do. */
function sorted(routes: readonly Route[]): readonly Route[] {
  const isInOrder = routes.every(
    (route, i) => i === 0 || byPath(routes[i - 1] ?? route, route) < 0,
  );
  return isInOrder ? routes : routes.toSorted(byPath);
}

const byPath = (a: Route, b: Route): number =>
  b.path.length - a.path.length || (a.path < b.path ? -1 : 1);

const isSame = (a: readonly Route[] | undefined, b: readonly Route[]): boolean =>
  a?.length === b.length && b.every((route, i) => route === a[i]);

/** The routes so far and those of the next layer that none of them covers. */
function withUncovered(routes: readonly Route[], layer: readonly Route[]): readonly Route[] {
  const paths = new Set(routes.map(({ path }) => path));
  return [...routes, ...layer.filter(({ path }) => !isCovered(path, paths))];
}

/** Whether one of `paths` is `path` or above it. */
function isCovered(path: string, paths: ReadonlySet<string>): boolean {
  if (paths.has(path) || paths.has("/")) return true;
  const end = path.lastIndexOf("/");
  return end > 0 && isCovered(path.slice(0, end), paths);
}
