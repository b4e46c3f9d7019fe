import type { Rendered } from "../template/render-proxy.ts";
import { areInPlace } from "./durable-file.ts";
import type { Outcome, Plan } from "./generation-outcome.ts";
import { type GenerationRecord, readRecord, writeRecord } from "./generation-record.ts";
import type { View } from "./guard.ts";
import type { Generation, Proof } from "./proxy-driver.ts";

/** What is on disk for one proxy and what it serves, kept across restarts. */
export interface LiveState {
  /** The generation that went live last. */
  readonly live: (Generation & { readonly proof: Proof; readonly view: View }) | undefined;
  /** Whether the proxy is known to serve exactly these files. */
  isServed(id: string): boolean;
  /** What rendered files mean to the disk. */
  plan(rendered: Rendered): Promise<Plan>;
  /** Notes how making a generation live ended. @throws {AppError} SWAP when the state directory fails. */
  record(generation: Generation, outcome: Outcome, view: View): Promise<void>;
  /** Notes that the proxy may no longer serve what is in place. */
  doubt(): void;
  /** Notes what the live generation was made from, when that changed but its bytes did not. */
  sawView(view: View): void;
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
  const { live } = await readRecord(directory, proxy);
  return (live?.paths ?? []).filter((path) => !paths.includes(path));
}

/**
 * Opens the state of a proxy.
 *
 * @throws {AppError} SWAP when the state directory cannot be used
 */
export async function openLiveState(directory: string, proxy: string): Promise<LiveState> {
  let stored: GenerationRecord = await readRecord(directory, proxy);
  await writeRecord(directory, proxy, stored); // shows now, not later, that it can be written
  let number = stored.number;
  let onDisk: { readonly id: string; readonly isServed: boolean } | undefined;
  let lastTried: Generation | undefined;

  return {
    get live() {
      return stored.live;
    },
    isServed: (id) => onDisk?.id === id && onDisk.isServed,
    async plan(rendered) {
      const paths = rendered.outputs.map(({ path }) => path);
      const generation = { number: numberFor(rendered.id), id: rendered.id, paths };
      lastTried = generation;
      return {
        generation,
        // Only the first look is at the disk: afterwards it is known what was put there.
        isInPlace: onDisk === undefined ? areInPlace(rendered.outputs) : onDisk.id === rendered.id,
        removed: (stored.live?.paths ?? []).filter((path) => !paths.includes(path)),
      };
    },
    async record(generation, outcome, view) {
      if (outcome.fate === "failed") onDisk = diskAfter(outcome, generation.id);
      if (outcome.fate !== "live") return;
      onDisk = { id: generation.id, isServed: true };
      const live = {
        ...generation,
        paths: [...generation.paths],
        proof: outcome.proof,
        view,
        at: new Date().toISOString(),
      };
      stored = { number, live };
      await writeRecord(directory, proxy, stored);
    },
    doubt() {
      if (onDisk !== undefined) onDisk = { ...onDisk, isServed: false };
    },
    sawView(view) {
      if (stored.live !== undefined) stored = { ...stored, live: { ...stored.live, view } };
    },
  };

  function diskAfter({ inPlace, isServed }: Extract<Outcome, { fate: "failed" }>, id: string) {
    if (inPlace === "new") return { id, isServed };
    // Where it was not known what was there before, the next plan looks.
    return inPlace === "untouched" || onDisk === undefined ? onDisk : { id: onDisk.id, isServed };
  }

  /** A retry keeps its number, and so does what is live already. */
  function numberFor(id: string): number {
    const known = [lastTried, stored.live].find((it) => it?.id === id);
    if (known !== undefined) return known.number;
    number += 1;
    return number;
  }
}
