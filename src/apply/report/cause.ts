import { type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import {
  changedIn,
  countOf,
  datacenterOf,
  groupOf,
  healthyOf,
  type Statuses,
  type View,
} from "../guard/view.ts";

/** Why a generation was made. */
export interface Cause {
  /** Such as `web 3 → 2 healthy, +api (2 healthy), -old`. */
  readonly change: string;
  /** Queries whose answers changed, by canonical text; empty for the first generation after a start. */
  readonly queries: readonly string[];
  /** The templates changed. */
  readonly isByTemplate: boolean;
  /** An operator went back to this generation. */
  readonly rollbackTo?: number;
}

/** What a generation is made from, as far as its cause shows in it. */
export interface Made {
  readonly snapshot: Snapshot;
  readonly templates: unknown;
}

/** Compares what is made now with what was live. Answers that did not change are the same objects. */
export function causeOf(
  before: Made | undefined,
  now: Made,
  { asked, change }: { readonly asked: ReadonlyMap<string, Query>; readonly change: string },
): Cause {
  if (before === undefined) return { change, queries: [], isByTemplate: false };
  const queries = [...asked.values()]
    .filter((query) => before.snapshot.get(query) !== now.snapshot.get(query))
    .map(queryText);
  return { change, queries, isByTemplate: before.templates !== now.templates };
}

/** Such as `web 3 → 2 healthy, +api (2 healthy), -old`, at most five services. */
export function changeText(before: View | undefined, after: View): string {
  const [was, is] = [before?.instances, after.instances];
  const nameOf = namesFor([...is.keys(), ...(was?.keys() ?? [])]);
  if (was === undefined) return counted(new Set([...is.keys()].map(nameOf)).size, "service");
  const parts = [...new Set([...changedIn(was, is), ...changedIn(is, was)])]
    .toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .flatMap((group) => serviceChange(nameOf(group), was.get(group), is.get(group)));
  if (parts.length === 0) return "content changed";
  const more = parts.length > 5 ? ` and ${parts.length - 5} more` : "";
  return `${parts.slice(0, 5).join(", ")}${more}`;
}

/** Services are named with their datacenter where there are several. */
function namesFor(groups: readonly string[]): (group: string) => string {
  const isSeveral = new Set(groups.map(datacenterOf)).size > 1;
  return (text) => {
    const { kind, name, datacenter } = groupOf(text);
    const service = kind === "connect" ? `${name} (connect)` : name;
    return isSeveral ? `${service}@${datacenter}` : service;
  };
}

function serviceChange(
  name: string,
  was: Statuses | undefined,
  is: Statuses | undefined,
): readonly string[] {
  if (is === undefined) return [`-${name}`];
  if (was === undefined) return [`+${name} (${healthyOf(is)} healthy)`];
  if (healthyOf(was) !== healthyOf(is)) {
    return [`${name} ${healthyOf(was)} → ${healthyOf(is)} healthy`];
  }
  const isSame = countOf(was) === countOf(is) && JSON.stringify(was) === JSON.stringify(is);
  return isSame ? [] : [name];
}

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : "s"}`;
