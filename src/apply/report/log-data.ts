import { partName, partText } from "../../catalog/part.ts";
import type { Log } from "../../log.ts";
import type { PipelineEvents } from "../pipeline-events.ts";

/** Logs what is not live of the newest data, and what is suspicious about it. Each is logged when it begins. */
export function logData(
  log: Log,
): Pick<PipelineEvents, "isolated" | "released" | "pinned" | "serversDropped" | "sharedAddresses"> {
  /** The last reason that was logged, by part. */
  const isolated = new Map<string, string>();
  /** Addresses that more than one service was registered at. */
  let shared: ReadonlySet<string> = new Set();
  let dropped: ReadonlySet<string> = new Set();
  /** The same as for parts, by query. */
  let pinned: ReadonlyMap<string, string> = new Map();

  return {
    isolated(fault) {
      const { part, field, reason, hint, isPinned } = fault;
      const text = partText(part);
      if (isolated.get(text) === reason) return;
      isolated.set(text, reason);
      const what = `${partName(part)}${field === undefined ? "" : `, ${field}`}: ${reason}`;
      const fields = { ...part, field, state: isPinned ? "pinned" : "left out", hint };
      if (isPinned)
        log.error(
          fields,
          `pinned: ${what}; its last usable data stays in force, the rest goes live`,
        );
      else log.error(fields, `left out: ${what}; the rest goes live without it`);
    },
    released(parts) {
      for (const { part, isChanged } of parts) {
        if (isChanged) isolated.delete(partText(part));
        const why = isChanged ? "its data changed" : "its next try is due";
        log.info({ ...part }, `${partName(part)} is used again: ${why}`);
      }
    },
    pinned(queries) {
      const now = new Map(queries.map((it) => [it.query, it]));
      for (const { query, reason, hint } of queries) {
        if (pinned.get(query) === reason) continue;
        const fields = { query, state: "pinned", hint };
        log.warn(fields, `pinned: ${query}: ${reason}; its last answer stays in force`);
      }
      for (const query of pinned.keys()) {
        if (!now.has(query)) log.info({ query }, `${query} is answered again`);
      }
      pinned = new Map(queries.map((it) => [it.query, it.reason]));
    },
    serversDropped(servers) {
      for (const server of servers) {
        if (dropped.has(server)) continue;
        log.warn({ server }, `dropped: ${server}: another service has this address now`);
      }
      dropped = servers;
    },
    sharedAddresses(addresses) {
      for (const { address, services } of addresses) {
        if (shared.has(address)) continue;
        log.warn(
          {
            address,
            services,
            hint: "Deregister the service that has gone; either may answer for the other",
          },
          `${services.map((it) => JSON.stringify(it)).join(" and ")} are registered at one address: ${address}`,
        );
      }
      shared = new Set(addresses.map(({ address }) => address));
    },
  };
}
