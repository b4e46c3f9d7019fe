import { readdir, readFile, stat } from "node:fs/promises";
import type { Candidate } from "../../apply/proxy-driver.ts";
import { expandGlob } from "./include-glob.ts";

/** Reads what a check tree is made from, and remembers it: so that an unchanged tree is not built again. */
export interface TreeSources {
  /**
   * The text behind a path: the candidate's, or that of a file that is no part of it; `undefined` when that cannot be
   * read, as nginx will say what is wrong with it.
   */
  read(path: string): Promise<string | undefined>;
  /** The names in a directory, without those that a dot hides. */
  list(directory: string): Promise<readonly string[]>;
  /** The files that an include's pattern matches and that the candidate does not bring. */
  expand(pattern: string): Promise<readonly string[]>;
  /** Whether a tree for `candidate` would be made from the very same. */
  areSameFor(candidate: Candidate): Promise<boolean>;
}

export function createTreeSources(candidate: Candidate): TreeSources {
  const key = keyOf(candidate);
  const stamps = new Map<string, string>();
  const lists = new Map<string, string>();
  const globs = new Map<string, string>();
  const texts = new Map(candidate.files.map(({ path, text }) => [path, text]));
  // A candidate that includes others decides the tree itself.
  const includesMore = bringsIncludes(candidate);

  return {
    async read(path) {
      const text = texts.get(path);
      if (text !== undefined) return text;
      stamps.set(path, await stampOf(path));
      return await readFile(path, "utf8").catch(() => undefined);
    },
    async list(directory) {
      const names = await visibleNames(directory);
      lists.set(directory, names.join("\0"));
      return names;
    },
    async expand(pattern) {
      const paths = await othersIn(pattern);
      globs.set(pattern, paths.join("\0"));
      return paths;
    },
    async areSameFor(next) {
      if (includesMore || keyOf(next) !== key || bringsIncludes(next)) return false;
      const same = await Promise.all([
        ...[...stamps].map(async ([path, stamp]) => (await stampOf(path)) === stamp),
        ...[...lists].map(async ([path, names]) => (await visibleNames(path)).join("\0") === names),
        ...[...globs].map(
          async ([pattern, paths]) => (await othersIn(pattern)).join("\0") === paths,
        ),
      ]);
      return same.every(Boolean);
    },
  };

  async function othersIn(pattern: string): Promise<readonly string[]> {
    return (await expandGlob(pattern)).filter((path) => !texts.has(path));
  }
}

const keyOf = ({ files, removed }: Candidate): string =>
  JSON.stringify([files.map(({ path, stagedPath }) => [path, stagedPath]), removed]);

const bringsIncludes = ({ files }: Candidate): boolean =>
  files.some(({ text }) => mayInclude(text));

/** Whether a text may have an `include`: looking is far quicker than reading its directives. */
export const mayInclude = (text: string): boolean => text.includes("include");

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
