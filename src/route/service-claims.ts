import type { Instance } from "../catalog/instance.ts";
import type { RoutesConfig } from "../config/routes-schema.ts";
import type { Route, RouteProblem, RouteServer } from "./route.ts";
import { type RouteSettings, readRouteSettings } from "./route-settings.ts";
import { isServerAddress } from "./server-address.ts";
import { serverWeights } from "./server-weights.ts";
import { type InstanceReading, servingInstances } from "./serving-instances.ts";

/** What one service asks for: routes that it gets unless an older service has them. */
export interface ServiceClaims {
  readonly claims: readonly {
    readonly route: Omit<Route, "name">;
    /** The oldest instance that asks for it. */
    readonly oldest: Instance;
  }[];
  readonly problems: readonly RouteProblem[];
}

/**
 * How long both proxies wait for an answer by default. Twice that is the default total: an instance that accepts
 * requests and answers none costs a whole attempt, and leaves the time of another.
 */
const PROXY_TIMEOUT_MS = 60_000;

/** Answers never change: a service whose answer is the same is not read again. */
const known = new WeakMap<RoutesConfig, WeakMap<readonly Instance[], ServiceClaims>>();

/**
 * Reads what the instances of one service ask for. Pure: equal instances give equal claims, whatever
 * their order.
 */
export function claimsOfService(
  instances: readonly Instance[],
  rules: RoutesConfig,
): ServiceClaims {
  const knownByRules = known.get(rules) ?? new WeakMap<readonly Instance[], ServiceClaims>();
  known.set(rules, knownByRules);
  const before = knownByRules.get(instances);
  if (before !== undefined) return before;
  const problems: RouteProblem[] = [];
  const readings = instances.toSorted(byAge).map((instance) => readInstance(instance, problems));
  const claims = claimsOf(readings.filter(({ settings }) => settings.expose)).flatMap((claim) => {
    const [first] = claim.readings;
    return first === undefined
      ? []
      : [{ route: toRoute(claim, rules, problems), oldest: first.instance }];
  });
  const result = { claims, problems };
  knownByRules.set(instances, result);
  return result;
}

/** From the oldest to the youngest, the same way whatever order they come in. */
export const byAge = (a: Instance, b: Instance): number =>
  compare(a.createIndex, b.createIndex) ||
  compare(a.name, b.name) ||
  compare(a.node, b.node) ||
  compare(a.id, b.id);

/** One claim to one host and path, with the instances that make it, oldest first. */
interface Claim {
  readonly service: string;
  readonly host: string | undefined;
  readonly path: string;
  /** Whether the path is the service's name, as it asked for none. */
  readonly isDefault: boolean;
  readonly readings: readonly InstanceReading[];
}

function readInstance(instance: Instance, problems: RouteProblem[]): InstanceReading {
  const { settings, faults } = readRouteSettings(instance);
  for (const { subject, expected } of faults) {
    problems.push(problem(instance, subject, `expected ${expected}; it is ignored`));
  }
  return { instance, settings };
}

function claimsOf(readings: readonly InstanceReading[]): readonly Claim[] {
  const claims = new Map<string, Claim & { readonly readings: InstanceReading[] }>();
  for (const it of readings) {
    const { name } = it.instance;
    const { hosts, paths } = it.settings;
    const isDefault = hosts.length === 0 && paths.length === 0;
    for (const host of hosts.length === 0 ? [undefined] : hosts) {
      for (const path of paths.length === 0 ? [isDefault ? defaultPath(name) : "/"] : paths) {
        const key = JSON.stringify([name, host, path]);
        const claim = claims.get(key) ?? { service: name, host, path, isDefault, readings: [] };
        if (claim.readings.at(-1) !== it) claim.readings.push(it);
        claims.set(key, claim);
      }
    }
  }
  return [...claims.values()];
}

/** `/web`; characters that a path cannot hold become dashes. */
const defaultPath = (service: string): string => `/${service.replace(/[^\w.~-]/g, "-")}`;

function toRoute(claim: Claim, rules: RoutesConfig, problems: RouteProblem[]): Omit<Route, "name"> {
  // The oldest instance that says something decides.
  const first = <K extends keyof RouteSettings>(key: K): RouteSettings[K] | undefined =>
    claim.readings.find(({ settings }) => settings[key] !== undefined)?.settings[key];
  const timeoutMs = first("timeoutMs");
  return {
    service: claim.service,
    ...given("host", claim.host),
    path: claim.path,
    // A service that never asked for the path cannot know it.
    strip: claim.path !== "/" && (first("strip") ?? claim.isDefault),
    balance: first("balance") ?? "round_robin",
    ...given("sticky", first("sticky")),
    ...given("timeoutMs", timeoutMs),
    totalMs: first("totalMs") ?? 2 * (timeoutMs ?? PROXY_TIMEOUT_MS),
    ...given("retries", first("retries")),
    ...given("probe", first("probe")),
    servers: toServers(claim, { rules, canaryPercent: first("canary") ?? 0, problems }),
  };
}

interface ServerOptions {
  readonly rules: RoutesConfig;
  readonly canaryPercent: number;
  /** Where an instance that cannot serve is reported. */
  readonly problems: RouteProblem[];
}

function toServers(
  claim: Claim,
  { rules, canaryPercent, problems }: ServerOptions,
): readonly RouteServer[] {
  const isWanted = ({ status }: Instance) => rules.status.some((it) => it === status);
  for (const { instance } of claim.readings) {
    if (isWanted(instance) && !isUsable(instance)) problems.push(unusable(instance));
  }
  const usable = servingInstances(
    claim.readings.filter(({ instance }) => isUsable(instance)),
    rules,
  );
  const unique = usable.filter(
    ({ instance }, i) =>
      usable.findIndex(
        ({ instance: it }) => it.address === instance.address && it.port === instance.port,
      ) === i,
  );
  const weights = serverWeights(
    unique.map(({ weight, settings }) => ({
      weight,
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

const isUsable = ({ address, port }: Instance): boolean =>
  isServerAddress(address) && Number.isInteger(port) && port > 0 && port < 65_536;

const unusable = (instance: Instance): RouteProblem =>
  problem(
    instance,
    `address ${instance.address}:${instance.port}`,
    "expected an IP address or host name, and a port from 1 to 65535; the instance is left out",
  );

export function problem(instance: Instance, subject: string, reason: string): RouteProblem {
  return { service: instance.name, instance: instance.id, node: instance.node, subject, reason };
}

const given = <K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

const byAddress = (a: RouteServer, b: RouteServer): number =>
  compare(a.address, b.address) || compare(a.port, b.port);
