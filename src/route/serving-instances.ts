import type { Instance } from "../catalog/instance.ts";
import type { RoutesConfig } from "../config/routes-schema.ts";
import type { RouteSettings } from "./route-settings.ts";

/** An instance beside what it says about its routes. */
export interface InstanceReading {
  readonly instance: Instance;
  readonly settings: RouteSettings;
}

/** An instance that serves a route, with its own weight. */
export interface Serving extends InstanceReading {
  readonly weight: number;
}

/**
 * The instances that serve a route, by their health: those with a status of `rules.status`, or while there is none what
 * `rules.whenNone` allows. An instance whose weight is 0 does not serve. Pure.
 */
export function servingInstances(
  readings: readonly InstanceReading[],
  { status, whenNone }: RoutesConfig,
): readonly Serving[] {
  const wanted = readings.filter(({ instance }) => isOneOf(status, instance.status)).map(weighted);
  const serving = wanted.filter(({ weight }) => weight > 0);
  if (serving.length > 0 || whenNone === "503") return serving;
  if (whenNone === "warning") {
    return readings
      .filter(({ instance }) => instance.status === "warning")
      .map(weighted)
      .filter(({ weight }) => weight > 0);
  }
  // Their health is not believed: all have the weight of a passing instance.
  return readings
    .filter(({ instance }) => instance.status !== "maintenance")
    .map((it) => ({ ...it, weight: passingWeight(it) }))
    .filter(({ weight }) => weight > 0);
}

const isOneOf = (all: readonly string[], status: string): boolean => all.includes(status);

const weighted = (it: InstanceReading): Serving => ({
  ...it,
  weight: it.instance.status === "warning" ? warningWeight(it) : passingWeight(it),
});

const passingWeight = ({ instance, settings }: InstanceReading): number =>
  settings.weight ?? instance.weights.passing;

/** Consul's weight for warnings. A weight that a tag or meta gives shrinks as Consul's own would. */
function warningWeight({ instance, settings }: InstanceReading): number {
  const { passing, warning } = instance.weights;
  if (settings.weight === undefined || warning === 0) return warning;
  return settings.weight === 0 ? 0 : Math.max(1, Math.round((settings.weight * warning) / passing));
}
