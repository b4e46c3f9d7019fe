import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Output } from "../../template/render/render-files.ts";
import type { OnUnusable } from "../disk/state-directory.ts";
import type { GenerationResult } from "../generation-result.ts";
import type { EventListener } from "../pipeline-events.ts";
import {
  type HistoryEntry,
  readEntries,
  readOutputs,
  removeGeneration,
  writeGeneration,
} from "./history-store.ts";

/** A generation with the texts of its files. */
export interface StoredGeneration {
  readonly entry: HistoryEntry;
  readonly outputs: readonly Output[];
}

/** The last generations of one proxy, kept on disk. It never keeps a generation from going live. */
export interface History {
  readonly listener: EventListener;
  /**
   * Keeps files that were there before the first generation as generation 0: at once, and for good.
   *
   * @throws {AppError} SWAP or the file system's error
   */
  keepFormer(id: string, outputs: readonly Output[]): void;
  /** The newest first. */
  entries(): readonly HistoryEntry[];
  read(number: number): StoredGeneration | undefined;
  /** The generation that was live before the one with `id`, as far as is known. */
  before(id: string | undefined): HistoryEntry | undefined;
}

interface HistoryOptions {
  /** The state directory. */
  readonly state: string;
  readonly proxy: string;
  /** How many generations are kept. */
  readonly keep: number;
  /** The number of a generation that must stay, whatever its age. */
  readonly pinned: () => number | undefined;
  readonly onUnusable: OnUnusable;
  readonly log: Log;
}

export function openHistory(options: HistoryOptions): History {
  const { state, proxy, keep, pinned, onUnusable, log } = options;
  const directory = join(state, proxy, "generations");
  let known: readonly HistoryEntry[] | undefined;
  let hasFailed = false;
  const entries = () => {
    known ??= said(() => readEntries(directory, onUnusable)) ?? [];
    return known;
  };

  return {
    entries,
    read(number) {
      const entry = entries().find((it) => it.number === number);
      const outputs = entry && said(() => readOutputs(directory, entry));
      return entry && outputs && { entry, outputs };
    },
    before: (id) => entries().find((it) => it.result === "live" && it.id !== id),
    keepFormer(id, outputs) {
      const cause = {
        change: "files that were there before Fairlead",
        queries: [],
        isByTemplate: false,
      };
      const entry = {
        number: 0,
        id,
        at: new Date().toISOString(),
        result: "live",
        attempts: 0,
        cause,
        timings: {},
        files: outputs.map(toFile),
      } as const;
      writeGeneration(directory, entry, outputs);
      known = [...entries().filter(({ number }) => number !== 0), entry];
    },
    listener: {
      applied({ number, id }, result, { cause, outputs }) {
        const before = entries().find((it) => it.number === number);
        // A start that finds its generation served is no new attempt.
        if (result.kind === "live" && result.wasLive && before !== undefined) return;
        add(
          {
            number,
            id,
            at: new Date().toISOString(),
            result: result.kind,
            attempts: (before?.attempts ?? 0) + 1,
            cause: before?.cause ?? { ...cause, queries: [...cause.queries] },
            timings: result.timings,
            ...whyNot(result),
            files: outputs.map(toFile),
          },
          outputs,
        );
      },
    },
  };

  function add(entry: HistoryEntry, outputs: readonly Output[]): void {
    known = [entry, ...entries().filter((it) => it.number !== entry.number)].toSorted(
      (a, b) => b.number - a.number,
    );
    const dropped = known.filter((it, i) => i >= keep && !isNeeded(it));
    known = known.filter((it) => !dropped.includes(it));
    // After what goes on now: the reload is over, and nothing shall wait for this.
    setImmediate(() => {
      said(() => {
        writeGeneration(directory, entry, outputs);
        for (const { number } of dropped) removeGeneration(directory, number);
      });
    });
  }

  /** The last two that were live can be gone back to, and what is held stays. */
  function isNeeded({ number }: HistoryEntry): boolean {
    const live = entries().filter(({ result }) => result === "live");
    return (
      number === 0 || number === pinned() || live.slice(0, 2).some((it) => it.number === number)
    );
  }

  /** A history that cannot be kept is said once, and keeps nobody from their work. */
  function said<T>(work: () => T): T | undefined {
    try {
      const result = work();
      hasFailed = false;
      return result;
    } catch (error) {
      const hint = `See that this user may write in "${directory}", and that the disk has space`;
      if (!hasFailed) log.warn({ hint }, `Cannot keep the history as ${messageOf(error)}`);
      hasFailed = true;
      return undefined;
    }
  }
}

const toFile = ({ path, format, mode, text }: Output): HistoryEntry["files"][number] => ({
  path,
  format,
  mode,
  bytes: Buffer.byteLength(text),
});

function whyNot(result: GenerationResult): { message?: string; hint?: string } {
  if (result.kind === "live") return {};
  if (result.kind === "refused") return { message: result.output, hint: result.hint };
  return { message: result.error.message, hint: result.error.hint };
}
