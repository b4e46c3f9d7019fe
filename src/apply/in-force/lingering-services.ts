import type { Instance } from "../../catalog/instance.ts";

/** A service that was deregistered altogether, and whose routes are kept for a while. */
export interface LingeringService {
  readonly service: string;
  /** Its last instances, in maintenance: none of them takes a request. */
  readonly instances: readonly Instance[];
  /** In milliseconds since 1970. */
  readonly untilMs: number;
}

/**
 * Keeps the places of services that were deregistered altogether: their routes answer 503 for a while, so that no wider
 * route answers instead.
 */
export interface LingeringServices {
  /**
   * Compares the services of what is rendered now with those in force.
   *
   * @param options.instancesOf the instances in force of a service
   */
  update(
    now: readonly { readonly name: string }[] | undefined,
    options: {
      readonly before: readonly { readonly name: string }[] | undefined;
      readonly instancesOf: (service: string) => readonly Instance[] | undefined;
      readonly nowMs: number;
    },
  ): void;
  list(): readonly LingeringService[];
  /** The instances by service. The same object while the same services linger. */
  instances(): readonly (readonly Instance[])[];
}

/** @param lingerMs for how long; 0 keeps nothing */
export function createLingeringServices(
  lingerMs: number,
  earlier: readonly LingeringService[] = [],
): LingeringServices {
  const lingering = new Map(earlier.map((it) => [it.service, it]));
  let instances: readonly (readonly Instance[])[] | undefined;

  return {
    list: () => [...lingering.values()],
    instances() {
      instances ??= [...lingering.values()].map((it) => it.instances);
      return instances;
    },
    update(now, { before = [], instancesOf, nowMs }) {
      if (now === undefined) return; // the templates do not ask for the list, or it is not answered yet
      if (lingering.size === 0 && now === before) return;
      const names = new Set(now.map(({ name }) => name));
      for (const [service, { untilMs }] of lingering) {
        if (names.has(service) || untilMs <= nowMs) remove(service);
      }
      for (const { name } of before) {
        if (names.has(name) || lingering.has(name) || lingerMs === 0) continue;
        const last = instancesOf(name) ?? [];
        if (last.length > 0)
          add({ service: name, instances: last.map(gone), untilMs: nowMs + lingerMs });
      }
    },
  };

  function add(service: LingeringService): void {
    lingering.set(service.service, service);
    instances = undefined;
  }

  function remove(service: string): void {
    lingering.delete(service);
    instances = undefined;
  }
}

/** Whoever is registered comes before it: as if it had been registered last. */
const gone = (instance: Instance): Instance => ({
  ...instance,
  status: "maintenance",
  createIndex: Number.MAX_SAFE_INTEGER,
});
