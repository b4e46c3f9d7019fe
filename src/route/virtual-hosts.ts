import type { Route } from "./route.ts";

/** What is served under one host name, or under all others when it has none. */
export interface VirtualHost {
  readonly host?: string;
  /** Longest path first. Routes without a host are served here too, where the host has none of its own at that path. */
  readonly routes: readonly Route[];
  /** Whether a route has the path `/`. */
  readonly hasRoot: boolean;
}

/** Groups routes by host: the one without a host first, and always there. Pure. */
export function virtualHosts(routes: readonly Route[]): readonly VirtualHost[] {
  const hostless = routes.filter(({ host }) => host === undefined);
  const hosts = [...new Set(routes.flatMap(({ host }) => host ?? []))];
  return [
    toVirtualHost(hostless),
    ...hosts.map((host) => {
      const own = routes.filter((route) => route.host === host);
      const taken = new Set(own.map(({ path }) => path));
      return {
        host,
        ...toVirtualHost([...own, ...hostless.filter(({ path }) => !taken.has(path))]),
      };
    }),
  ];
}

const toVirtualHost = (routes: readonly Route[]): VirtualHost => ({
  routes: routes.toSorted((a, b) => b.path.length - a.path.length || (a.path < b.path ? -1 : 1)),
  hasRoot: routes.some(({ path }) => path === "/"),
});
