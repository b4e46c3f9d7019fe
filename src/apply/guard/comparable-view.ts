import { type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import { groupOf, type View } from "./view.ts";
import { viewOf } from "./view-of.ts";

/** Queries by their canonical text. */
type Asked = ReadonlyMap<string, Query>;

/**
 * The part of a view that other templates can be expected to see too: the services and lists that both ask for alike, and
 * the services that are no longer in any list of services that both ask for. The rest is missing because no template asks
 * for it.
 *
 * @param options.before what the templates asked that saw the view
 * @param options.now    what the others ask, of `snapshot`
 */
export function comparableView(
  view: View,
  options: { readonly before: Asked; readonly now: Asked; readonly snapshot: Snapshot },
): View {
  const { before, now, snapshot } = options;
  const alike = new Map([...now].filter(([, query]) => before.has(queryText(query))));
  const services = new Set([...alike.values()].flatMap((it) => ("name" in it ? [it.name] : [])));
  const lists = [...alike.values()].flatMap((it) =>
    it.kind === "services" ? [snapshot.get(it) ?? []] : [],
  );
  const listed = new Set(lists.flat().map(({ name }) => name));
  const isComparable = (group: string): boolean => {
    const { name } = groupOf(group);
    return services.has(name) || (lists.length > 0 && !listed.has(name));
  };
  const comparable = viewOf(snapshot, alike).lists;
  return {
    instances: new Map([...view.instances].filter(([group]) => isComparable(group))),
    lists: new Map([...view.lists].filter(([group]) => comparable.has(group))),
  };
}
