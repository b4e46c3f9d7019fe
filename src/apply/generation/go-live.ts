import { AppError } from "../../errors.ts";
import type { GenerationResult, Previous } from "../generation-result.ts";
import type { Generation, Proof, ProxyDriver } from "../proxy-driver.ts";
import type { Swapped } from "../swap/swap.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** A proxy, and the generation that it shall serve. */
export interface Reloading {
  readonly driver: ProxyDriver;
  readonly generation: Generation;
  readonly signal: AbortSignal;
}

/** Brings the proxy onto swapped files, or puts the previous ones back and the proxy on those. */
export async function goLive(
  { driver, generation, previous, signal }: Reloading & { readonly previous: Previous | undefined },
  clock: Stopwatch,
  swapped: Swapped,
): Promise<GenerationResult> {
  try {
    // The disk may take its time beside the reload: what it holds meanwhile is whole, and was checked.
    const durable = swapped.durable();
    durable.catch(() => undefined); // it is awaited below, after the reload is over
    const proof = await reloadAndProve({ driver, generation, signal }, clock);
    await durable;
    const { inPlace } = swapped;
    return { kind: "live", proof, wasLive: false, inPlace, timings: clock.timings() };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Nothing runs that could serve either: the new files passed the check, and are what it shall start with.
    if (error.code === "PROXY_DOWN") {
      return { kind: "failed", error, inPlace: "new", isServed: false, timings: clock.timings() };
    }
    const restored = await clock.time("restore", () =>
      putBackOn({ driver, previous, signal }, swapped),
    );
    return { kind: "failed", error, ...restored, timings: clock.timings() };
  }
}

/** Puts the previous files back, and the proxy on them. */
export async function putBackOn(
  {
    driver,
    previous,
    signal,
  }: Pick<Reloading, "driver" | "signal"> & { readonly previous: Previous | undefined },
  { undo }: Swapped,
): Promise<{ readonly inPlace: "previous" | "mixed"; readonly isServed: boolean }> {
  try {
    await undo();
    if (previous === undefined) return { inPlace: "previous", isServed: false };
    await driver.reload(previous, signal);
    await driver.prove(previous, signal);
    return { inPlace: "previous", isServed: true };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { inPlace: error.code === "UNDO" ? "mixed" : "previous", isServed: false };
  }
}

export async function reloadAndProve(
  { driver, generation, signal }: Reloading,
  clock: Stopwatch,
): Promise<Proof> {
  await clock.time("reload", () => driver.reload(generation, signal));
  return await clock.time("prove", () => driver.prove(generation, signal));
}
