import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import type { NetworkInterface } from "../../catalog/network-interface.ts";
import type { Query } from "../../catalog/query.ts";
import type { AnswerListener, OpenSource } from "../../catalog/source.ts";
import { AppError, messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { watchPaths } from "../watch-paths.ts";

type FileQuery = Extract<Query, { readonly kind: "file" }>;

/** The system reports no change of an address. */
const READ_INTERFACES_EVERY_MS = 30_000;

export interface MachineOptions {
  /** The directory of relative paths. */
  readonly directory: string;
  readonly log: Log;
  /** Whether the inner source answers this query about the machine, as a recorded catalog may. */
  readonly isRecorded?: (query: Query) => boolean;
}

/**
 * A source that answers queries about this machine, its files and addresses, and leaves all others to `inner`. Files
 * are watched: a changed file is a new answer; a file that cannot be read keeps its last content.
 */
export function withMachine(inner: OpenSource, options: MachineOptions): OpenSource {
  const { isRecorded = () => false } = options;
  const isOurs = (query: Query): boolean =>
    (query.kind === "file" || query.kind === "interfaces") && !isRecorded(query);
  return (listener, signal) => {
    const rest = inner(listener, signal);
    const files = followFiles(options, listener, signal);
    const interfaces = followInterfaces(listener, signal);
    return {
      follow(queries) {
        const ours = [...queries.values()].filter(isOurs);
        rest.follow(new Map([...queries].filter(([, query]) => !isOurs(query))));
        files(ours.filter((query) => query.kind === "file"));
        interfaces(ours.some((query) => query.kind === "interfaces"));
      },
    };
  };
}

/** Returns a function that replaces the set of followed files. */
function followFiles(
  { directory, log }: MachineOptions,
  listener: AnswerListener,
  signal: AbortSignal,
): (queries: readonly FileQuery[]) => void {
  /** By absolute path: several queries may name one file. */
  let followed: ReadonlyMap<string, readonly FileQuery[]> = new Map();
  /** One read after the other, so that the last read is the last answer. */
  let reads: Promise<void> = Promise.resolve();
  const watches = new Map<string, AbortController>();

  return (queries) => {
    const before = followed;
    followed = byFile(queries, directory);
    for (const [file, watch] of watches) {
      if (followed.has(file)) continue;
      watch.abort(new Error("this file is no longer followed"));
      watches.delete(file);
    }
    for (const [file, own] of followed) {
      if (!watches.has(file)) watches.set(file, watchFile(file));
      const known = new Set(before.get(file)?.map(({ path }) => path));
      if (own.some(({ path }) => !known.has(path))) read(file);
    }
  };

  function watchFile(file: string): AbortController {
    const ending = new AbortController();
    const both = AbortSignal.any([signal, ending.signal]);
    watchPaths([file], { signal: both, onChange: () => read(file) });
    return ending;
  }

  function read(file: string): void {
    reads = reads.then(() => answer(file));
  }

  async function answer(file: string): Promise<void> {
    const content = await contentOf(file);
    if (signal.aborted) return;
    if (content instanceof AppError) log.warn({ hint: content.hint }, content.message);
    for (const query of followed.get(file) ?? []) {
      if (content instanceof AppError) listener.failed(query, content);
      else listener.answered(query, content);
    }
  }
}

function byFile(
  queries: readonly FileQuery[],
  directory: string,
): ReadonlyMap<string, readonly FileQuery[]> {
  const result = new Map<string, readonly FileQuery[]>();
  for (const query of queries) {
    const file = resolve(directory, query.path);
    result.set(file, [...(result.get(file) ?? []), query]);
  }
  return result;
}

/** A file's text, or the reason why there is none. */
async function contentOf(file: string): Promise<string | AppError> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    return new AppError(
      "CATALOG",
      `Cannot read "${file}", which a template asks for, as ${messageOf(cause)}`,
      { hint: "Create the file, or correct the template", cause },
    );
  }
}

/** Returns a function that starts or ends the watch on the addresses. */
function followInterfaces(
  listener: AnswerListener,
  signal: AbortSignal,
): (isWanted: boolean) => void {
  let timer: NodeJS.Timeout | undefined;
  const answer = () => listener.answered({ kind: "interfaces" }, readInterfaces());
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
  };
  signal.addEventListener("abort", stop);
  return (isWanted) => {
    if (!isWanted || signal.aborted) return stop();
    if (timer !== undefined) return;
    queueMicrotask(answer);
    timer = setInterval(answer, READ_INTERFACES_EVERY_MS).unref();
  };
}

const readInterfaces = (): readonly NetworkInterface[] =>
  Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, internal }) => ({ name, address, isInternal: internal })),
  );
