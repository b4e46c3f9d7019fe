import type { InstanceStatus } from "../catalog/instance.ts";
import type { ServiceQuery } from "../catalog/query.ts";
import { TemplateFault } from "./template-error.ts";

/** What `service` asks: a query of the catalog, and which health is good enough. */
export interface ServiceAsk {
  readonly query: ServiceQuery;
  /** `any` lets all pass. */
  readonly health: ReadonlySet<InstanceStatus> | "any";
}

const STATUSES: readonly InstanceStatus[] = ["passing", "warning", "critical", "maintenance"];

/**
 * Reads `v2.web@dc2~_agent|passing,warning` with named arguments over it.
 *
 * With a named `tag` the text's dots belong to the service's name.
 *
 * @throws {TemplateFault} when a part is empty or a health is unknown
 */
export function readServiceAsk(text: string, named: Readonly<Record<string, unknown>>): ServiceAsk {
  const [, place = "", near, health] = /^([^~|]*)(?:~([^|]*))?(?:\|(.*))?$/s.exec(text) ?? [];
  const [, full = "", datacenter] = /^([^@]*)(?:@(.*))?$/s.exec(place) ?? [];
  const dot = named["tag"] === undefined ? full.lastIndexOf(".") : -1;
  const tag = option(named, "tag") ?? (dot < 0 ? undefined : full.slice(0, dot));
  const name = full.slice(dot + 1);
  const dc = option(named, "dc") ?? datacenter;
  const nearNode = option(named, "near") ?? near;
  const filter = option(named, "filter");
  for (const [what, part] of Object.entries({ name, tag, dc, near: nearNode })) {
    if (part === "")
      throw new TemplateFault(`the ${what} of service "${text}" is empty`, { hint: SPELLING });
  }
  return {
    query: {
      kind: "service",
      name,
      ...(tag === undefined ? {} : { tag }),
      ...(dc === undefined ? {} : { datacenter: dc }),
      ...(nearNode === undefined ? {} : { near: nearNode }),
      ...(filter === undefined ? {} : { filter }),
    },
    health: readHealth(option(named, "health") ?? health ?? "passing"),
  };
}

const SPELLING =
  'Write it as service "tag.name@datacenter~near|passing,warning", where all but the name may be left out';

function readHealth(text: string): ServiceAsk["health"] {
  const words = text.split(",").map((word) => word.trim());
  if (words.includes("any")) return "any";
  for (const word of words) {
    if (!STATUSES.includes(word as InstanceStatus)) {
      throw new TemplateFault(`unknown health "${word}"`, {
        hint: `Use any, or some of ${STATUSES.join(", ")}`,
      });
    }
  }
  return new Set(words as InstanceStatus[]);
}

function option(named: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = named[key];
  if (value === undefined || typeof value === "string") return value;
  throw new TemplateFault(`${key}= wants text`, { hint: SPELLING });
}
