import { checkAccess } from "./access.ts";
import type { AdminRoute } from "./admin-route.ts";
import { ADMIN_ROUTES } from "./admin-routes.ts";
import type { RunningDaemon } from "./daemon.ts";
import { type AdminRequest, json, notFound, type Reply } from "./reply.ts";

/** Answers one request from the table of routes. */
export async function routeRequest(
  request: AdminRequest,
  { daemon, token }: { readonly daemon: RunningDaemon; readonly token: string | undefined },
): Promise<Reply> {
  const found = findRoute(request);
  const denial = checkAccess(request, token);
  if (denial !== undefined && found?.route.access !== "everyone") {
    const { status, ...why } = denial;
    return json(status, why);
  }
  if (found === undefined) return notFound(request);
  const { route, parameters } = found;
  return await route.answer({ request, daemon, parameters, isOperator: denial === undefined });
}

const PATTERNS = ADMIN_ROUTES.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
}));

interface FoundRoute {
  readonly route: AdminRoute;
  readonly parameters: Readonly<Record<string, string>>;
}

function findRoute({ method, path }: AdminRequest): FoundRoute | undefined {
  const wanted = method === "HEAD" ? "GET" : method;
  for (const { route, pattern } of PATTERNS) {
    const match = route.method === wanted ? pattern.exec(path) : null;
    if (match !== null) return { route, parameters: { ...match.groups } };
  }
  return undefined;
}
