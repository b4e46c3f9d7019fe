import { ArgumentFault } from "./arguments.ts";

type Branch = Map<string, unknown>;

/** By way of `Map`s, as a key may be any text, also one that means something to objects. */
export function nested(
  entries: readonly (readonly [string, unknown])[],
): Readonly<Record<string, unknown>> {
  const root: Branch = new Map();
  for (const [key, value] of entries) {
    const parts = key.split("/").filter((part) => part !== "");
    const last = parts.pop();
    if (last === undefined) continue;
    const branch = parts.reduce<Branch>((at, part) => below(at, part, key), root);
    if (branch.get(last) instanceof Map) throw bothMapAndValue(key);
    branch.set(last, value);
  }
  return toObject(root);
}

function below(branch: Branch, part: string, key: string): Branch {
  const known = branch.get(part);
  if (known instanceof Map) return known;
  if (known !== undefined) throw bothMapAndValue(key);
  const made: Branch = new Map();
  branch.set(part, made);
  return made;
}

const bothMapAndValue = (key: string): ArgumentFault =>
  new ArgumentFault(`LIST must not have both a value and keys below it, as "${key}" shows`);

const toObject = (branch: Branch): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    [...branch].map(([key, value]) => [key, value instanceof Map ? toObject(value) : value]),
  );
