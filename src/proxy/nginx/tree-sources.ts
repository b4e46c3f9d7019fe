import { readdir, readFile, stat } from "node:fs/promises";
import type { Candidate } from "../../apply/proxy-driver.ts";
import { expandGlob } from "./include-glob.ts";

/** Reads what a check tree is made from, and remembers it: so that an unchanged tree is not built again. */
export interface TreeSources {
  /** A file's text, or `undefined` when it cannot be read: nginx will say what is wrong with it. */
  readFile(path: string): Promise<string | undefined>;
  /** The names in a directory, without those that a dot hides. */
  list(directory: string): Promise<readonly string[]>;
  /** The files that an include's pattern matches. */
  expand(pattern: string): Promise<readonly string[]>;
  /** Whether a tree for `candidate` would be made from the very same. */
  areSameFor(candidate: Candidate): Promise<boolean>;
}

export function createTreeSources(candidate: Candidate): TreeSources {
  const key = keyOf(candidate);
  const stagedPaths = new Set(candidate.files.map(({ stagedPath }) => stagedPath));
  const stamps = new Map<string, string>();
  const lists = new Map<string, string>();
  const globs = new Map<string, string>();
  let includesMore = false;

  return {
    async readFile(path) {
      if (!stagedPaths.has(path)) stamps.set(path, await stampOf(path));
      const text = await readFile(path, "utf8").catch(() => undefined);
      // A candidate that includes others decides the tree itself.
      if (stagedPaths.has(path) && mayInclude(text)) includesMore = true;
      return text;
    },
    async list(directory) {
      const names = await visibleNames(directory);
      lists.set(directory, names.join("\0"));
      return names;
    },
    async expand(pattern) {
      const paths = await expandGlob(pattern);
      globs.set(pattern, paths.join("\0"));
      return paths;
    },
    async areSameFor(next) {
      if (includesMore || keyOf(next) !== key) return false;
      const same = await Promise.all([
        ...[...stamps].map(async ([path, stamp]) => (await stampOf(path)) === stamp),
        ...[...lists].map(async ([path, names]) => (await visibleNames(path)).join("\0") === names),
        ...[...globs].map(
          async ([pattern, paths]) => (await expandGlob(pattern)).join("\0") === paths,
        ),
        ...[...stagedPaths].map(
          async (path) => !mayInclude(await readFile(path, "utf8").catch(() => undefined)),
        ),
      ]);
      return same.every(Boolean);
    },
  };
}

const keyOf = ({ files, removed }: Candidate): string =>
  JSON.stringify([files.map(({ path, stagedPath }) => [path, stagedPath]), removed]);

const mayInclude = (text: string | undefined): boolean => /\binclude\b/.test(text ?? "");

async function visibleNames(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => !name.startsWith(".")).toSorted();
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch {
    return "";
  }
}
