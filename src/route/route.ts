/** How requests are spread over a route's servers. */
export type Balance = "round_robin" | "least_conn" | "hash";

/** What keeps a client on one server: its address, or the value of a cookie. */
export type Sticky =
  | { readonly by: "address" }
  | { readonly by: "cookie"; readonly cookie: string };

/** One healthy instance as a target of a route. Every field is safe to stand as a bare word in nginx and in VCL. */
export interface RouteServer {
  /** IPv4 address, IPv6 address without brackets, or host name. */
  readonly address: string;
  readonly port: number;
  /** Share of the requests, at least 1. */
  readonly weight: number;
  /** Most connections at once, at least 1; unlimited when absent. */
  readonly maxconn?: number;
  readonly instance: string;
  readonly node: string;
}

/** A stable entry: host + path → service, with its policy. Neutral: both proxies' templates read it. */
export interface Route {
  /** Unique in its table, `[a-z][a-z0-9_]*`, at most 64 characters: usable as upstream, director and backend name. */
  readonly name: string;
  readonly service: string;
  /** Lower-case host name, or `*.` and one; absent when the route answers on every host. */
  readonly host?: string;
  /** `/`, or a path without a trailing slash, such as `/api`. Matches itself and everything below it. */
  readonly path: string;
  /** Whether the service sees the request without the path in front. */
  readonly strip: boolean;
  readonly balance: Balance;
  readonly sticky?: Sticky;
  /** How long one attempt may take. */
  readonly timeoutMs?: number;
  /** How long after the first attempt began another one may begin, on another server. */
  readonly totalMs: number;
  /** Further attempts on other servers after the first. */
  readonly retries?: number;
  /** Path that Varnish requests from each server to see whether it is healthy; no probe when absent. */
  readonly probe?: string;
  /** Healthy instances, sorted. Empty: the route answers 503. */
  readonly servers: readonly RouteServer[];
}

/** Data of one service that cannot become a route as asked. Only that service loses that route. */
export interface RouteProblem {
  readonly service: string;
  readonly instance: string;
  readonly node: string;
  /** The tag or meta entry at fault, such as `route.path=/a b`. */
  readonly subject: string;
  /** What is wrong with it and what becomes of it, one sentence without a final period. */
  readonly reason: string;
}

/** All routes, longest path first within a host, hosts before hostless, and what could not become one. */
export interface RouteTable {
  readonly routes: readonly Route[];
  readonly problems: readonly RouteProblem[];
}
