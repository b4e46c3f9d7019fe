import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Whether nginx expands an include's argument. Source: nginx, src/core/ngx_conf_file.c, ngx_conf_include(). */
export const isGlob = (pattern: string): boolean => /[*?[]/.test(pattern);

/** The files on disk that an absolute pattern matches, in the order in which nginx reads them. */
export async function expandGlob(pattern: string): Promise<readonly string[]> {
  let found = ["/"];
  for (const segment of pattern.split("/").filter((it) => it !== "")) {
    const next = await Promise.all(found.map((directory) => matchesIn(directory, segment)));
    found = next.flat();
  }
  return found.toSorted(byBytes);
}

/** Whether an absolute path matches an absolute pattern. */
export function matchesGlob(pattern: string, path: string): boolean {
  const segments = pattern.split("/");
  const parts = path.split("/");
  return (
    segments.length === parts.length &&
    segments.every((segment, i) => toRegExp(segment).test(parts[i] ?? ""))
  );
}

export const byBytes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function matchesIn(directory: string, segment: string): Promise<readonly string[]> {
  if (!isGlob(segment)) return [join(directory, segment)];
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => toRegExp(segment).test(name))
      .map((name) => join(directory, name));
  } catch {
    return []; // missing, or no directory: nothing matches, as in nginx
  }
}

/** `*` and `?` match no leading dot. */
function toRegExp(segment: string): RegExp {
  const source = segment.replace(
    /\[(!?)([^\]]*)\]|[.+^${}()|\\/*?[\]]/g,
    (match, not: string | undefined, set: string | undefined) => {
      if (set !== undefined)
        return `[${not === "!" ? "^" : ""}${set.replace(/[\\[\]^]/g, "\\$&")}]`;
      if (match === "*") return ".*";
      return match === "?" ? "." : `\\${match}`;
    },
  );
  return new RegExp(`^${/^[*?]/.test(segment) ? "(?!\\.)" : ""}${source}$`, "s");
}
