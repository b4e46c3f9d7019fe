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
  const hosts = [...new Set(routes.flatMap(({ host }) => host ?? []))];
  const of = (host: string | undefined) => routes.filter((route) => route.host === host);
  return [
    toVirtualHost(of(undefined)),
    ...hosts.map((host) => {
      const wildcards = hosts
        .filter((other) => other !== host && matches(other, host))
        .toSorted((a, b) => b.length - a.length);
      const layers = [host, ...wildcards, undefined].map(of);
      return { host, ...toVirtualHost(layers.reduce(withUncovered, [])) };
    }),
  ];
}

/** The routes so far and those of the next layer that none of them covers. */
function withUncovered(routes: readonly Route[], layer: readonly Route[]): readonly Route[] {
  return [...routes, ...layer.filter(({ path }) => !routes.some((it) => covers(it.path, path)))];
}

const covers = (above: string, path: string): boolean =>
  above === "/" || path === above || path.startsWith(`${above}/`);

const matches = (wildcard: string, host: string): boolean =>
  wildcard.startsWith("*.") && host.endsWith(wildcard.slice(1));

const toVirtualHost = (routes: readonly Route[]): VirtualHost => ({
  routes: routes.toSorted((a, b) => b.path.length - a.path.length || (a.path < b.path ? -1 : 1)),
  hasRoot: routes.some(({ path }) => path === "/"),
});
