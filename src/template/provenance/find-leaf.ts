/** Larger values are not searched through. */
const MOST_LEAVES = 10_000;

/** The path, such as `servers.0.host`, of the text or number in a value that is written as `text`. */
export function findLeaf(value: object, text: string): string | undefined {
  const left: (readonly [string, unknown])[] = [["", value]];
  const seen = new Set<unknown>();
  for (let i = 0; i < left.length && i < MOST_LEAVES; i += 1) {
    const [path, at] = left[i] as readonly [string, unknown];
    if (typeof at === "object" && at !== null) {
      if (seen.has(at)) continue;
      seen.add(at);
      for (const [key, child] of Object.entries(at)) {
        left.push([path === "" ? key : `${path}.${key}`, child]);
      }
    } else if (String(at) === text) {
      return path;
    }
  }
  return undefined;
}
