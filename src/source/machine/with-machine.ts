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

/** Nobody tells when an address comes or goes. */
const READ_INTERFACES_EVERY_MS = 30_000;

export interface MachineOptions {
  /** What relative paths are relative to. */
  readonly directory: string;
  readonly log: Log;
  /** Whether the inner source answers this question about the machine itself, as a recorded catalog may. */
  readonly isRecorded?: (query: Query) => boolean;
}

/**
 * A source that answers questions about this machine, its files and addresses, by itself and leaves all others
 * to `inner`. Files are watched: a changed one is a new answer; one that cannot be read keeps its last content.
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

/** Returns what is called with the files to follow from then on. */
function followFiles(
  { directory, log }: MachineOptions,
  listener: AnswerListener,
  signal: AbortSignal,
): (queries: readonly FileQuery[]) => void {
  /** By absolute path: several texts may name one file. */
  let followed: ReadonlyMap<string, readonly FileQuery[]> = new Map();
  /** One read after the other, so that the last one read is the last one told. */
  let reads: Promise<void> = Promise.resolve();
  const watches = new Map<string, AbortController>();

  return (queries) => {
    const before = followed;
    followed = byFile(queries, directory);
    for (const [file, watch] of watches) {
      if (followed.has(file)) continue;
      watch.abort(new Error("nobody asks for this file any more"));
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
    reads = reads.then(() => tell(file));
  }

  async function tell(file: string): Promise<void> {
    const answer = await contentOf(file);
    if (signal.aborted) return;
    if (answer instanceof AppError) log.warn({ hint: answer.hint }, answer.message);
    for (const query of followed.get(file) ?? []) {
      if (answer instanceof AppError) listener.failed(query, answer);
      else listener.answered(query, answer);
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

/** A file's text, or why there is none. */
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

/** Returns what is called with whether the addresses are to be followed from then on. */
function followInterfaces(
  listener: AnswerListener,
  signal: AbortSignal,
): (isWanted: boolean) => void {
  let timer: NodeJS.Timeout | undefined;
  const tell = () => listener.answered({ kind: "interfaces" }, readInterfaces());
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
  };
  signal.addEventListener("abort", stop);
  return (isWanted) => {
    if (!isWanted || signal.aborted) return stop();
    if (timer !== undefined) return;
    queueMicrotask(tell);
    timer = setInterval(tell, READ_INTERFACES_EVERY_MS).unref();
  };
}

const readInterfaces = (): readonly NetworkInterface[] =>
  Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, internal }) => ({ name, address, isInternal: internal })),
  );
