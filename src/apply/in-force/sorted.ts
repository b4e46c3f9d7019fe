import type { Element } from "../../catalog/part.ts";
import type { Query } from "../../catalog/query.ts";

/** A composed list in the order that the source gives lists in: the same parts give the same bytes. */
export function sorted(query: Query, list: readonly Element[]): readonly Element[] {
  // There the order is the answer's meaning: what was added comes last.
  if (query.kind === "prepared" || ("near" in query && query.near !== undefined)) return list;
  return list.toSorted((a, b) => compare(orderOf(a as Fields), orderOf(b as Fields)));
}

type Fields = Readonly<
  Partial<Record<"address" | "port" | "node" | "id" | "key" | "name", unknown>>
>;

function orderOf({ address, port, node, id, key, name }: Fields): readonly unknown[] {
  if (id !== undefined) return [address, port, node, id];
  return key === undefined ? [name] : [key];
}

function compare(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i];
    if (left === right) continue;
    return (left as string | number) < (right as string | number) ? -1 : 1;
  }
  return 0;
}
