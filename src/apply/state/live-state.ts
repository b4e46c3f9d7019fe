import { join } from "node:path";
import type { Output } from "../../template/render/render-files.ts";
import type { Rendered } from "../../template/render/render-proxy.ts";
import { areInPlace, isSame, readState } from "../disk/durable-file.ts";
import type { OnUnusable } from "../disk/state-directory.ts";
import type { GenerationResult, Plan, Previous } from "../generation-result.ts";
import { isAnyLeft } from "../guard/recovery.ts";
import type { Origin, View } from "../guard/view.ts";
import type { Generation, Proof } from "../proxy-driver.ts";
import { openJournal, type SwapEntry, type SwapJournal } from "../swap/swap-journal.ts";
import { type GenerationRecord, readRecord, writeRecord } from "./generation-record.ts";

/** What is on disk for one proxy and what it serves, kept across restarts. */
export interface LiveState {
  /** The generation that went live last. */
  readonly live: (Generation & Origin & { readonly proof: Proof; readonly at: string }) | undefined;
  /** The generation whose files were put in place last: the live one, or one that nothing was there to serve. */
  readonly inPlace: Previous | undefined;
  readonly journal: SwapJournal;
  /** A swap that was not seen to its end: that comes before anything else. */
  interrupted(): SwapEntry | undefined;
  /** Whether Fairlead put the file at a path in place; of all, as long as it knows of no generation yet. */
  owns(path: string): boolean;
  /** Whether the proxy is known to serve exactly these files. */
  isServed(id: string): boolean;
  /** What rendered files mean to the disk. */
  plan(rendered: Pick<Rendered, "id" | "outputs">): Promise<Plan>;
  /** Notes how making a generation live ended, and ends its swap. @throws {AppError} SWAP when the state directory fails. */
  record(generation: Generation, result: GenerationResult, origin: Origin): Promise<void>;
  /**
   * The files in place that are not any more as Fairlead wrote them. Their present state is read again before anything
   * is done with them.
   */
  drifted(): readonly DriftedFile[];
  /** Notes that the proxy may no longer serve what is in place. */
  needsProof(): void;
  /**
   * Notes what the live generation was made from, when that changed but its bytes did not; for the next start only once
   * nothing that it would find is registered still as it was. @throws {AppError} SWAP when the state directory fails.
   */
  sawView(view: View): Promise<void>;
}

/**
 * The files of the live generation that one with `paths` would remove. Changes nothing.
 *
 * @throws {AppError} SWAP when the state directory cannot be read
 */
export async function removedPaths(
  directory: string,
  proxy: string,
  paths: readonly string[],
): Promise<readonly string[]> {
  const { live, placed } = readRecord(directory, proxy, () => undefined);
  return ((placed ?? live)?.paths ?? []).filter((path) => !paths.includes(path));
}

/**
 * Opens the state of a proxy.
 *
 * @throws {AppError} SWAP when the state directory cannot be used
 */
export async function openLiveState(
  directory: string,
  proxy: string,
  onUnusable: OnUnusable,
): Promise<LiveState> {
  let stored: GenerationRecord = readRecord(directory, proxy, onUnusable);
  await writeRecord(directory, proxy, stored); // shows now, not later, that it can be written
  const journal = openJournal(join(directory, proxy), onUnusable);
  if (isRecorded(journal.entry(), stored)) journal.end();
  let interrupted = journal.entry();
  let number = Math.max(stored.number, interrupted?.generation.number ?? 0);
  let onDisk: { readonly id: string; readonly isServed: boolean } | undefined;
  let lastTried: Generation | undefined = interrupted?.generation;
  let triedOutputs: readonly Output[] = [];
  /** The files that were put in place last. */
  let outputs: readonly Output[] = [];
  /** It is not known what the proxy serves, whatever it reports: it must reload. */
  let owesReload = false;
  /** What the next start would find. */
  let written = stored.live?.view;

  return {
    journal,
    get live() {
      return stored.live;
    },
    get inPlace() {
      return stored.placed ?? stored.live;
    },
    interrupted: () => interrupted,
    owns(path) {
      const known = [stored.live, stored.placed, interrupted?.generation, lastTried];
      if (known.every((it) => it === undefined)) return true;
      return known.some((it) => it?.paths.includes(path));
    },
    isServed: (id) => onDisk?.id === id && onDisk.isServed,
    async plan(rendered) {
      const paths = rendered.outputs.map(({ path }) => path);
      const generation = { number: numberFor(rendered.id), id: rendered.id, paths };
      const known = [...(stored.live?.paths ?? []), ...(stored.placed?.paths ?? [])];
      lastTried = generation;
      triedOutputs = rendered.outputs;
      return {
        generation,
        owesReload,
        // Only the first plan reads the disk: afterwards it is known what is there.
        isInPlace: onDisk === undefined ? areInPlace(rendered.outputs) : onDisk.id === rendered.id,
        removed: [...new Set(known)].filter((path) => !paths.includes(path)),
      };
    },
    async record(generation, result, origin) {
      interrupted = undefined;
      if (result.kind === "failed") {
        onDisk = diskAfter(result, generation.id);
        owesReload ||= isInDoubt(result);
        if (result.inPlace === "mixed") interrupted = journal.entry();
      }
      if (result.kind === "live" || isPlaced(result)) outputs = triedOutputs;
      if (result.kind === "live") {
        onDisk = { id: generation.id, isServed: true };
        owesReload = false;
      }
      await write(recordAfter(generation, result, origin));
      // While a reload is owed, the entry says so to the next start.
      if (!owesReload || isPlaced(result)) journal.end();
      else if (interrupted === undefined) journal.tidy();
    },
    drifted() {
      const drifted = onDisk === undefined ? [] : outputs.flatMap(driftOf);
      if (drifted.length > 0) onDisk = undefined;
      return drifted;
    },
    needsProof() {
      if (onDisk !== undefined) onDisk = { ...onDisk, isServed: false };
    },
    async sawView(view) {
      const { live } = stored;
      if (live === undefined) return;
      const record = { ...stored, live: { ...live, view } };
      if (written !== undefined && written.instances.size > 0 && !isAnyLeft(written, view))
        await write(record);
      else stored = record;
    },
  };

  async function write(record: GenerationRecord): Promise<void> {
    if (record === stored) return;
    stored = record;
    written = record.live?.view;
    await writeRecord(directory, proxy, stored);
  }

  function recordAfter(
    generation: Generation,
    result: GenerationResult,
    origin: Origin,
  ): GenerationRecord {
    const placed = { ...generation, paths: [...generation.paths] };
    if (result.kind === "live") {
      const at = new Date().toISOString();
      return { number, live: { ...placed, ...origin, proof: result.proof, at } };
    }
    if (isPlaced(result)) return { ...stored, number, placed };
    return number === stored.number ? stored : { ...stored, number };
  }

  function diskAfter(
    { inPlace, isServed }: Extract<GenerationResult, { kind: "failed" }>,
    id: string,
  ) {
    if (inPlace === "new") return { id, isServed };
    if (inPlace === "mixed") return undefined;
    // Where it was not known what was there before, the next plan looks.
    return inPlace === "untouched" || onDisk === undefined ? onDisk : { id: onDisk.id, isServed };
  }

  /** A retry keeps its number, and so does what is live already. */
  function numberFor(id: string): number {
    const known = [lastTried, stored.placed, stored.live].find((it) => it?.id === id);
    if (known !== undefined) return known.number;
    number += 1;
    return number;
  }
}

/** Whether the process died only after the end of the swap was recorded. */
const isRecorded = (entry: SwapEntry | undefined, { live, placed }: GenerationRecord): boolean =>
  entry !== undefined && entry.generation.id === (placed ?? live)?.id;

/** Whether the proxy was to reload, and did not prove it. */
function isInDoubt({
  inPlace,
  isServed,
  error,
}: Extract<GenerationResult, { kind: "failed" }>): boolean {
  if (inPlace === "untouched" || isServed) return false;
  return inPlace !== "new" || error.code !== "PROXY_DOWN";
}

/** A file that somebody else changed. */
export interface DriftedFile {
  readonly path: string;
  readonly how: "removed" | "changed" | "unreadable";
}

function driftOf({ path, text, mode }: Output): readonly DriftedFile[] {
  try {
    const now = readState(path);
    if (now === undefined) return [{ path, how: "removed" }];
    return isSame(now, Buffer.from(text), mode) ? [] : [{ path, how: "changed" }];
  } catch {
    return [{ path, how: "unreadable" }];
  }
}

const isPlaced = (result: GenerationResult): boolean =>
  result.kind === "failed" && result.inPlace === "new";
