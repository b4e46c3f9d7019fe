import { type Query, queryText } from "../../catalog/query.ts";
import type { Snapshot } from "../../catalog/snapshot.ts";
import type { View } from "./view.ts";

/** Queries by their canonical text. */
type Asked = ReadonlyMap<string, Query>;

/**
 * The part of a view that other templates can be expected to see, too: services that both ask for alike, and those that are
 * in no list of services any more that both ask for. The rest is missing because nobody asks for it.
 *
 * @param options.before what the templates asked that saw the view
 * @param options.now    what the others ask, of `snapshot`
 */
export function comparableView(
  view: View,
  options: { readonly before: Asked; readonly now: Asked; readonly snapshot: Snapshot },
): View {
  const { before, now, snapshot } = options;
  const alike = [...now.values()].filter((query) => before.has(queryText(query)));
  const services = new Set(alike.flatMap((it) => (it.kind === "service" ? [it.name] : [])));
  const lists = alike.flatMap((it) => (it.kind === "services" ? [snapshot.get(it) ?? []] : []));
  const listed = new Set(lists.flat().map(({ name }) => name));
  const isComparable = (name: string): boolean =>
    services.has(name) || (lists.length > 0 && !listed.has(name));
  return new Map([...view].filter(([name]) => isComparable(name)));
}
