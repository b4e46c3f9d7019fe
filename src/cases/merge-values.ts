/** Merges `over` into `values`, mapping by mapping. What `over` has wins. */
export function mergeValues(
  values: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = Object.entries(over).map(([key, value]) => {
    const below = values[key];
    return [key, isMapping(below) && isMapping(value) ? mergeValues(below, value) : value];
  });
  return { ...values, ...Object.fromEntries(merged) };
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
