import { isDeepStrictEqual } from "node:util";

const isPlain = (value: unknown): boolean => typeof value !== "object" || value === null;

/** Whether a list has an item, which for lists and maps is one with the same in it. */
export function holds(all: readonly unknown[], item: unknown): boolean {
  return isPlain(item) ? all.includes(item) : all.some((it) => isDeepStrictEqual(it, item));
}

/** Texts and numbers by themselves, lists and maps by what is in them. */
export function unique(items: readonly unknown[]): readonly unknown[] {
  const seen = new Set<unknown>();
  return items.filter((it) => {
    const key = isPlain(it) ? it : ` ${JSON.stringify(it)}`;
    return !seen.has(key) && seen.add(key);
  });
}
