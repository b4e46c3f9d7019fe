/** The value at a path of fields such as `meta.zone`; `undefined` where there is none. */
export function readPath(value: unknown, path: string): unknown {
  if (hasOwn(value, path)) return value[path]; // a key of the name itself may have dots
  if (!path.includes(".")) return undefined;
  return path
    .split(".")
    .reduce<unknown>((at, field) => (hasOwn(at, field) ? at[field] : undefined), value);
}

/** Only own fields: what every object inherits is no data. */
export const hasOwn = (value: unknown, field: string): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.hasOwn(value, field);
