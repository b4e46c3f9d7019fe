/** Live paths by the paths that a proxy's own binary names instead of them. */
export type LivePaths = ReadonlyMap<string, string>;

/** A binary's output with live paths in place of those of staged files and copies. */
export function withLivePaths(output: string, livePaths: LivePaths): string {
  // A directory's path is the beginning of those of its files.
  const longestFirst = [...livePaths].toSorted(([a], [b]) => b.length - a.length);
  return longestFirst.reduce((text, [named, live]) => text.replaceAll(named, live), output);
}
