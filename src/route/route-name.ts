import { createHash } from "node:crypto";

const LONGEST = 64;
const HASH_LENGTH = 12;

/** What a route leads to; no two routes of a table share all three. */
interface RouteIdentity {
  readonly service: string;
  readonly host?: string;
  readonly path: string;
}

/**
 * Names for routes, `[a-z][a-z0-9_]*`, at most 64 characters, that differ from each other.
 *
 * A name that is too long, or that two routes would share, ends in a hash of what the route leads to: it
 * does not depend on the order of the routes.
 */
export function routeNames(routes: readonly RouteIdentity[]): readonly string[] {
  const plain = routes.map(plainName);
  const counts = new Map<string, number>();
  for (const name of plain) counts.set(name, (counts.get(name) ?? 0) + 1);
  return routes.map((route, i) => {
    const name = plain[i] ?? "";
    if (name.length <= LONGEST && counts.get(name) === 1 && !looksHashed(name)) return name;
    return `${name.slice(0, LONGEST - HASH_LENGTH - 2)}_h${hash(route)}`;
  });
}

/** Routes never change: what did not change is not spelt again. */
const plainNames = new WeakMap<RouteIdentity, string>();

function plainName(route: RouteIdentity): string {
  const known = plainNames.get(route) ?? spell(route);
  plainNames.set(route, known);
  return known;
}

/** The service, then host and path where they say more. */
function spell({ service, host, path }: RouteIdentity): string {
  const parts = [slug(service), slug(host ?? ""), path === `/${service}` ? "" : slug(path)];
  const name = parts.filter((part) => part !== "").join("_") || "route";
  return /^[a-z]/.test(name) ? name : `r_${name}`;
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");

/** Nobody can name a service so that it takes the name that another one's hash gives. */
const looksHashed = (name: string): boolean => /_h[0-9a-f]{12}$/.test(name);

const hash = ({ service, host, path }: RouteIdentity): string =>
  createHash("sha256")
    .update(JSON.stringify([service, host ?? null, path]))
    .digest("hex")
    .slice(0, HASH_LENGTH);
