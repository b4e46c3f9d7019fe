import { setFlagsFromString } from "node:v8";
import type { CatalogStore } from "../../catalog/store.ts";

/*
 * How V8's heap grows, which matters to a program that does little most of the time.
 *
 * Its space for young objects starts at 1 MiB, doubles as much of it survives, and hardly ever shrinks again.
 * Measured with 150 services × 5: reading the catalog at the start makes it grow for nothing, to 120 MiB resident
 * instead of 84. Measured with 3,000 × 3: without room to grow, 2 % of a core while nothing changes instead of half a percent,
 * and a third longer until the first file.
 *
 * A heap that has been quiet for 8 s is collected whole, to give memory back, and so low a limit left that the next change
 * runs into it; and a program that allocates little is given a low limit in any case. Measured with 3,000 × 3: of 112 ms
 * of processor time that a change takes, 29 for the one and 30 for the other. Not to pay that costs memory: 192 to 207 MiB at
 * most instead of 172 to 180, and none with 150 × 5.
 */

/** A catalog with more services than this is worth the room. */
const MANY_SERVICES = 500;
/** How long without work a heap may be before it is collected whole. */
const QUIET_MS = 10 * 60_000;
/** How far the heap of a large catalog grows beyond what was in use at its last whole collection. */
const GROWTH_PERCENT = 100;

/** Keeps the space for young objects at its first size, and the heap as it is in short times without work. */
export function keepHeapSteady(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString(`--gc-memory-reducer-start-delay-ms=${QUIET_MS}`);
}

/** Lets the space for young objects grow from now on, as V8 would by itself. */
export const letYoungSpaceGrow = (): void => setFlagsFromString("--semi-space-growth-factor=2");

/** Gives the heap room as soon as a catalog turns out to be large. */
export function growForLargeCatalog(store: CatalogStore): void {
  const stop = store.onChange(() => {
    const services = store.snapshot().get({ kind: "services" });
    if (services === undefined) return;
    stop();
    const isLarge = services.length > MANY_SERVICES;
    // 0: as V8 thinks fit, also after another config's catalog that was large.
    setFlagsFromString(`--heap-growing-percent=${isLarge ? GROWTH_PERCENT : 0}`);
    if (isLarge) letYoungSpaceGrow();
  });
}
