import type { InstanceStatus } from "../../catalog/instance.ts";
import type { ServiceQuery } from "../../catalog/query.ts";
import { TemplateFault } from "../template-error.ts";
import { unexpectedArgument } from "./arguments.ts";

/** What `service` and `connect` ask: which instances, and which health is good enough. */
export interface ServiceAsk {
  readonly query: Omit<ServiceQuery, "kind">;
  /** `any` lets all pass. */
  readonly health: ReadonlySet<InstanceStatus> | "any";
}

const STATUSES: readonly InstanceStatus[] = ["passing", "warning", "critical", "maintenance"];

/**
 * Reads what a template asks of a service: a text such as `v2.web@dc2~_agent|passing,warning` with named
 * arguments over it; or, for a name that may hold any character, `name=`, or an item of `services`.
 *
 * In the text the last dot ends the tag. With `tag=` its dots belong to the name.
 *
 * @throws {TemplateFault} when a part is empty or a health is unknown
 */
export function readServiceAsk(
  subject: unknown,
  named: Readonly<Record<string, unknown>>,
): ServiceAsk {
  const exact = option(named, "name") ?? nameOfItem(subject);
  if (exact !== undefined) {
    return {
      query: toQuery(exact, named, {}),
      health: readHealth(option(named, "health") ?? "passing"),
    };
  }
  if (typeof subject !== "string" || subject === "") {
    throw unexpectedArgument("a name in quotes", subject, "NAME");
  }
  return readText(subject, named);
}

const nameOfItem = (item: unknown): string | undefined => {
  const { name } = (typeof item === "object" && item !== null ? item : {}) as { name?: unknown };
  return typeof name === "string" ? name : undefined;
};

function readText(text: string, named: Readonly<Record<string, unknown>>): ServiceAsk {
  const [, place = "", near, health] = /^([^~|]*)(?:~([^|]*))?(?:\|(.*))?$/s.exec(text) ?? [];
  const [, full = "", datacenter] = /^([^@]*)(?:@(.*))?$/s.exec(place) ?? [];
  const dot = named["tag"] === undefined ? full.lastIndexOf(".") : -1;
  const parts = { tag: dot < 0 ? undefined : full.slice(0, dot), datacenter, near };
  return {
    query: toQuery(full.slice(dot + 1), named, parts),
    health: readHealth(option(named, "health") ?? health ?? "passing"),
  };
}

/** Named arguments count more than what the text says. An empty `tag=` is none. */
function toQuery(
  name: string,
  named: Readonly<Record<string, unknown>>,
  parts: { readonly [K in "tag" | "datacenter" | "near"]?: string | undefined },
): ServiceAsk["query"] {
  const tag = named["tag"] === "" ? undefined : (option(named, "tag") ?? parts.tag);
  const datacenter = option(named, "dc") ?? parts.datacenter;
  const near = option(named, "near") ?? parts.near;
  const filter = option(named, "filter");
  for (const [what, part] of Object.entries({ name, tag, datacenter, near })) {
    if (part === "")
      throw new TemplateFault(`the ${what} of the service is empty`, { hint: SPELLING });
  }
  return {
    name,
    ...(tag === undefined ? {} : { tag }),
    ...(datacenter === undefined ? {} : { datacenter }),
    ...(near === undefined ? {} : { near }),
    ...(filter === undefined ? {} : { filter }),
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
