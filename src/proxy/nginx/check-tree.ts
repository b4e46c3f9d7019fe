import { readFile, realpath, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Candidate } from "../../apply/proxy-driver.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { LivePaths } from "../live-paths.ts";
import { byBytes, isGlob, matchesGlob } from "./include-glob.ts";
import { type Directive, readDirectives } from "./nginx-directives.ts";
import { createTreeSources, type TreeSources } from "./tree-sources.ts";

/** A copy of the main file that includes the candidate in place of the live files. */
export interface CheckTree {
  /** The file to give to `nginx -t -c`. */
  readonly main: string;
  readonly livePaths: LivePaths;
  /** Live paths of candidate files that the main file includes, directly or not. */
  readonly reached: ReadonlySet<string>;
  /** Whether the main file itself names the file, or the output, that nginx logs to. */
  readonly hasOwnLog: boolean;
  /** What the tree was built from. The tree stays valid as long as this does not change. */
  readonly sources: TreeSources;
}

/** Includes that are nested deeper than this are a loop. */
const DEEPEST = 20;

/**
 * Builds the tree in an empty `directory`, without touching anything live.
 *
 * Only files on the way from the main file to a candidate are copied, with the same lines, and files with a directive
 * that names one, such as a certificate. nginx reads all other files where they are. The copy of the main file gets a link to each of the main file's neighbours beside it,
 * because nginx resolves relative paths against the directory of the file given with -c.
 *
 * @throws {AppError} CHECK_UNAVAILABLE when the main file cannot be read
 */
export async function buildCheckTree(
  mainFile: string,
  { candidate, directory }: { readonly candidate: Candidate; readonly directory: string },
): Promise<CheckTree> {
  const home = dirname(mainFile);
  const livePaths = new Map<string, string>();
  const reached = new Set<string>();
  const staged = new Map<string, string>();
  for (const { path, stagedPath } of candidate.files) {
    staged.set(path, stagedPath);
    livePaths.set(stagedPath, path);
  }
  const removed = new Set(candidate.removed);
  const sources = createTreeSources(candidate, home);
  let copies = 0;

  const text = (await sources.read(mainFile)) ?? (await readMain(mainFile));
  if (staged.has(mainFile)) reached.add(mainFile);
  const main = join(directory, basename(mainFile));
  await writeFile(main, (await rewritten(text, 0)) ?? text, { mode: 0o600 });
  livePaths.set(main, mainFile);
  await linkNeighbours(await sources.list(home), { home, directory, except: basename(mainFile) });
  livePaths.set(`${directory}/`, `${home}/`);
  return { main, livePaths, reached, hasOwnLog: logsByItself(text), sources };

  /** The text with the paths of changed files replaced, or `undefined` when it has none. */
  async function rewritten(source: string, depth: number): Promise<string | undefined> {
    if (!sources.mayRewrite(source)) return undefined;
    let result = "";
    let copied = 0;
    let changed = false;
    for (const directive of readDirectives(source)) {
      const { name, args, start, end } = directive;
      const [pattern] = args;
      const replacement =
        name === "include" && pattern !== undefined && args.length === 1
          ? await replaceInclude(resolve(home, pattern), depth)
          : withCandidatePaths(directive, source[end - 1] ?? "");
      if (replacement === undefined) continue;
      const lineBreaks = source.slice(start, end).replace(/[^\n]/g, "");
      result += source.slice(copied, start) + replacement + lineBreaks;
      copied = end;
      changed = true;
    }
    return changed ? result + source.slice(copied) : undefined;
  }

  /** A directive that names files of the candidate, such as a certificate, with the files that nginx can read now. */
  function withCandidatePaths({ name, args }: Directive, ending: string): string | undefined {
    if (!args.some((arg) => candidatePath(arg) !== undefined)) return undefined;
    const words = args.map((arg) => candidatePath(arg) ?? arg);
    return [quoted(name), ...words.map(quoted)].join(" ") + ending;
  }

  function candidatePath(arg: string): string | undefined {
    const path = resolve(home, arg);
    if (staged.has(path)) reached.add(path);
    if (!removed.has(path)) return staged.get(path);
    const missing = join(directory, `.fairlead-removed-${basename(path)}`);
    livePaths.set(missing, path);
    return missing;
  }

  async function replaceInclude(pattern: string, depth: number): Promise<string | undefined> {
    const others = isGlob(pattern) ? await sources.expand(pattern) : [pattern];
    const added = [...staged.keys()].filter(
      (path) => isGlob(pattern) && matchesGlob(pattern, path),
    );
    const kept = others.filter((path) => !removed.has(path));
    const wanted = [...kept, ...added].toSorted(byBytes);
    const files = await Promise.all(wanted.map(async (path) => await pathInTree(path, depth)));
    const same = kept.length === others.length && files.every((file, i) => file === wanted[i]);
    return same ? undefined : files.map((file) => `include ${quoted(file)};`).join(" ");
  }

  async function pathInTree(path: string, depth: number): Promise<string> {
    const live = staged.has(path) ? path : await candidateAt(path);
    const stagedPath = live === undefined ? undefined : staged.get(live);
    if (live !== undefined) reached.add(live);
    const source = depth < DEEPEST ? await sources.read(live ?? path) : undefined;
    const copy = source === undefined ? undefined : await rewritten(source, depth + 1);
    if (copy === undefined) return stagedPath ?? path;
    copies += 1;
    const file = join(directory, `.fairlead-${copies}-${basename(path)}`);
    await writeFile(file, copy, { mode: 0o600 });
    livePaths.set(file, path);
    return file;
  }

  /** Debian's sites-enabled links to sites-available: a link to a candidate is the candidate. */
  async function candidateAt(path: string): Promise<string | undefined> {
    try {
      const target = await realpath(path);
      return staged.has(target) ? target : undefined;
    } catch {
      return undefined;
    }
  }
}

const logsByItself = (text: string): boolean =>
  readDirectives(text).some(
    ({ name, depth, args: [to = ""] }) =>
      name === "error_log" && depth === 0 && !/^(syslog|memory):/.test(to),
  );

async function readMain(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new AppError(
      "CHECK_UNAVAILABLE",
      `Cannot check as nginx's main file is not readable: ${messageOf(cause)}`,
      {
        hint: "Set the proxy's `config` to nginx's main file, and let this user read it",
        cause,
      },
    );
  }
}

async function linkNeighbours(
  names: readonly string[],
  {
    home,
    directory,
    except,
  }: { readonly home: string; readonly directory: string; readonly except: string },
): Promise<void> {
  const neighbours = names.filter((name) => name !== except);
  await Promise.all(neighbours.map((name) => symlink(join(home, name), join(directory, name))));
}

const quoted = (path: string): string => `"${path.replace(/["\\]/g, "\\$&")}"`;
