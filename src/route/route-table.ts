import type { Instance } from "../catalog/instance.ts";
import type { Route, RouteProblem, RouteServer, RouteTable } from "./route.ts";
import { routeNames } from "./route-name.ts";
import { type RouteSettings, readRouteSettings } from "./route-settings.ts";
import { isServerAddress } from "./server-address.ts";
import { serverWeights } from "./server-weights.ts";

/** An instance beside what it says about its routes. */
interface Told {
  readonly instance: Instance;
  readonly settings: RouteSettings;
}

/** One claim of one service to one host and path, with the instances that make it, oldest first. */
interface Claim {
  readonly service: string;
  readonly host: string | undefined;
  readonly path: string;
  /** Whether the path is the service's name, as it asked for none. */
  readonly isDefault: boolean;
  readonly told: readonly Told[];
}

/**
 * Builds the routes of all services. Pure: equal instances give an equal table, whatever their order.
 *
 * What one instance says badly costs that instance's word; who comes second to a host and path is left
 * out. Both are reported as problems.
 *
 * @param instances of all services, whatever their health
 */
export function buildRouteTable(instances: readonly Instance[]): RouteTable {
  const problems: RouteProblem[] = [];
  const told = instances.toSorted(byAge).map((instance) => tell(instance, problems));
  const claims = claimsOf(told.filter(({ settings }) => settings.expose));
  const granted = grant(claims, problems);
  const names = routeNames(granted);
  return {
    routes: granted
      .map((claim, i) => toRoute(claim, names[i] ?? "", problems))
      .toSorted(byPrecedence),
    problems: problems.toSorted(byText),
  };
}

function tell(instance: Instance, problems: RouteProblem[]): Told {
  const { settings, faults } = readRouteSettings(instance);
  for (const { subject, expected } of faults) {
    problems.push(problem(instance, subject, `expected ${expected}; it is ignored`));
  }
  return { instance, settings };
}

function claimsOf(told: readonly Told[]): readonly Claim[] {
  const claims = new Map<string, Claim & { readonly told: Told[] }>();
  for (const it of told) {
    const { name } = it.instance;
    const { hosts, paths } = it.settings;
    const isDefault = hosts.length === 0 && paths.length === 0;
    for (const host of hosts.length === 0 ? [undefined] : hosts) {
      for (const path of paths.length === 0 ? [isDefault ? defaultPath(name) : "/"] : paths) {
        const key = JSON.stringify([name, host, path]);
        const claim = claims.get(key) ?? { service: name, host, path, isDefault, told: [] };
        if (claim.told.at(-1) !== it) claim.told.push(it);
        claims.set(key, claim);
      }
    }
  }
  return [...claims.values()];
}

/** `/web`; characters that a path cannot hold become dashes. */
const defaultPath = (service: string): string => `/${service.replace(/[^\w.~-]/g, "-")}`;

/** Of several services that claim one host and path the oldest keeps it. Claims come oldest first. */
function grant(claims: readonly Claim[], problems: RouteProblem[]): readonly Claim[] {
  const owners = new Map<string, Claim>();
  for (const claim of claims) {
    const key = JSON.stringify([claim.host, claim.path]);
    const owner = owners.get(key);
    if (owner === undefined) {
      owners.set(key, claim);
      continue;
    }
    const [first] = claim.told;
    if (first === undefined) continue;
    const place = `${claim.host ?? ""}${claim.path}`;
    problems.push(
      problem(
        first.instance,
        `route ${place}`,
        `service "${owner.service}" is older and keeps it; this route is left out`,
      ),
    );
  }
  return [...owners.values()];
}

function toRoute(claim: Claim, name: string, problems: RouteProblem[]): Route {
  // The oldest instance that says something decides.
  const first = <K extends keyof RouteSettings>(key: K): RouteSettings[K] | undefined =>
    claim.told.find(({ settings }) => settings[key] !== undefined)?.settings[key];
  return {
    name,
    service: claim.service,
    ...given("host", claim.host),
    path: claim.path,
    // A service that never asked for the path cannot know it.
    strip: claim.path !== "/" && (first("strip") ?? claim.isDefault),
    balance: first("balance") ?? "round_robin",
    ...given("sticky", first("sticky")),
    ...given("timeoutMs", first("timeoutMs")),
    ...given("retries", first("retries")),
    ...given("probe", first("probe")),
    servers: toServers(claim, first("canary") ?? 0, problems),
  };
}

function toServers(
  claim: Claim,
  canaryPercent: number,
  problems: RouteProblem[],
): readonly RouteServer[] {
  const usable = claim.told
    .filter(({ instance }) => instance.status === "passing")
    .filter((it) => isUsable(it, problems));
  const unique = usable.filter(
    ({ instance }, i) =>
      usable.findIndex(
        ({ instance: it }) => it.address === instance.address && it.port === instance.port,
      ) === i,
  );
  const weights = serverWeights(
    unique.map(({ instance, settings }) => ({
      weight: settings.weight ?? instance.weights.passing,
      canary: settings.canary !== undefined,
    })),
    canaryPercent,
  );
  return unique
    .map(({ instance, settings }, i) => ({
      address: instance.address,
      port: instance.port,
      weight: weights[i] ?? 0,
      ...given("maxconn", settings.maxconn),
      instance: instance.id,
      node: instance.node,
    }))
    .filter(({ weight }) => weight > 0)
    .toSorted(byAddress);
}

function isUsable({ instance }: Told, problems: RouteProblem[]): boolean {
  const { address, port } = instance;
  if (isServerAddress(address) && Number.isInteger(port) && port > 0 && port < 65_536) return true;
  problems.push(
    problem(
      instance,
      `address ${address}:${port}`,
      "expected an IP address or host name, and a port from 1 to 65535; the instance is left out",
    ),
  );
  return false;
}

function problem(instance: Instance, subject: string, reason: string): RouteProblem {
  return { service: instance.name, instance: instance.id, node: instance.node, subject, reason };
}

const given = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

const byAge = (a: Instance, b: Instance): number =>
  compare(a.createIndex, b.createIndex) ||
  compare(a.name, b.name) ||
  compare(a.node, b.node) ||
  compare(a.id, b.id);

const byAddress = (a: RouteServer, b: RouteServer): number =>
  compare(a.address, b.address) || compare(a.port, b.port);

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
