import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, relative } from "node:path";
import type { Candidate } from "../../apply/proxy-driver.ts";
import { expandGlob } from "./include-glob.ts";

/** Reads what a check tree is built from, and remembers it, so that an unchanged tree is not built again. */
export interface TreeSources {
  /**
   * The text of a path: the candidate's own, or that of a file outside of the candidate. `undefined` when the file
   * cannot be read: nginx then reports what is wrong with it.
   */
  read(path: string): Promise<string | undefined>;
  /** The names in a directory, without hidden ones. */
  list(directory: string): Promise<readonly string[]>;
  /** The files outside of the candidate that an include's pattern matches. */
  expand(pattern: string): Promise<readonly string[]>;
  /** Whether a text may have an `include`, or name a file of the candidate: only then it may have to be rewritten. */
  mayRewrite(text: string): boolean;
  /** Whether a tree for `candidate` would be built from the same files with the same content. */
  areSameFor(candidate: Candidate): Promise<boolean>;
}

/** @param home the directory that relative paths resolve against */
export function createTreeSources(candidate: Candidate, home: string): TreeSources {
  const key = keyOf(candidate);
  const stamps = new Map<string, string>();
  const lists = new Map<string, string>();
  const globs = new Map<string, string>();
  const texts = new Map(candidate.files.map(({ path, text }) => [path, text]));
  const marks = marksOf(candidate, home);
  const mayRewrite = (text: string) => marks.some((mark) => text.includes(mark));
  const isRewritten = ({ files }: Candidate) => files.some(({ text }) => mayRewrite(text));
  // A candidate's own text that is rewritten is copied into the tree.
  const hasCopies = isRewritten(candidate);

  return {
    mayRewrite,
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
      if (hasCopies || keyOf(next) !== key || isRewritten(next)) return false;
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

/**
 * Texts of which one is in every text that has an `include` or names a file of the candidate: searching for them is far
 * quicker than reading the directives. They are few, as many files are in few directories.
 */
function marksOf({ files, removed }: Candidate, home: string): readonly string[] {
  const marks = new Set(["include"]);
  for (const path of [...files.map((file) => file.path), ...removed]) {
    const inHome = relative(home, path);
    const directory = dirname(inHome);
    marks.add(`${dirname(path)}/`);
    marks.add(directory === "." ? inHome : `${directory}/`);
  }
  return [...marks];
}

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
