import type { Instance } from "../../catalog/instance.ts";
import { isInstances } from "../../catalog/part.ts";
import { type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";

/** An address and port that more than one service is registered at. */
export interface SharedAddress {
  readonly address: string;
  /** Sorted. */
  readonly services: readonly string[];
}

/** The services at each `address:port` of the newest answers. Only answers that changed are read again. */
export interface AddressClaims {
  update(newest: Snapshot, queries: Iterable<Query>): void;
  /** Whether another service, and not the instance's own, has its address and port. */
  isAnothers(instance: Instance): boolean;
  /** Those that more than one service has, by address. */
  shared(): readonly SharedAddress[];
}

/** The address and port of an instance. */
export const addressOf = ({ address, port }: Instance): string => `${address}:${port}`;

export function createAddressClaims(): AddressClaims {
  const answers = new Map<string, readonly Instance[]>();
  /** How many instances each service has at an address: one may be in several answers. */
  const counts = new Map<string, Map<string, number>>();
  const sharedAddresses = new Set<string>();

  return {
    update(newest, queries) {
      const asked = new Set<string>();
      for (const query of queries) {
        if (!isInstances(query)) continue;
        const text = queryText(query);
        asked.add(text);
        replace(text, newest.get(query) ?? NOTHING);
      }
      for (const text of answers.keys()) {
        if (!asked.has(text)) replace(text, NOTHING);
      }
    },
    isAnothers(instance) {
      const services = counts.get(addressOf(instance));
      return services !== undefined && !services.has(instance.name);
    },
    shared: () =>
      [...sharedAddresses].toSorted().map((address) => ({
        address,
        services: [...(counts.get(address)?.keys() ?? [])].toSorted(),
      })),
  };

  function replace(text: string, answer: readonly Instance[]): void {
    const before = answers.get(text);
    if (before === answer) return;
    for (const instance of answer) count(instance, 1);
    for (const instance of before ?? NOTHING) count(instance, -1);
    if (answer === NOTHING) answers.delete(text);
    else answers.set(text, answer);
  }

  function count(instance: Instance, by: 1 | -1): void {
    const address = addressOf(instance);
    const services = counts.get(address) ?? new Map<string, number>();
    const total = (services.get(instance.name) ?? 0) + by;
    if (total === 0) services.delete(instance.name);
    else services.set(instance.name, total);
    if (services.size === 0) counts.delete(address);
    else counts.set(address, services);
    if (services.size > 1) sharedAddresses.add(address);
    else sharedAddresses.delete(address);
  }
}

const NOTHING: readonly Instance[] = [];
