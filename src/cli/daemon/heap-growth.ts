import { setFlagsFromString } from "node:v8";
import type { CatalogStore } from "../../catalog/store.ts";

/*
 * How V8's heap grows. That matters to a program that does little most of the time.
 *
 * The semi-space, for young objects, starts at 1 MiB, doubles when much of it survives, and hardly ever shrinks again.
 * Measured with 150 services × 5: reading the catalog at the start makes it grow for nothing, to 120 MiB resident
 * instead of 84. Measured with 3,000 × 3: without room to grow, 2 % of a core while nothing changes instead of half a percent,
 * and a third longer until the first file.
 *
 * After 8 s without work V8 collects the complete heap, to give memory back, and leaves so low a limit that the next change
 * reaches it. A program that allocates little gets a low limit in any case. Measured with 3,000 × 3: of the 112 ms of
 * processor time for a change, the one takes 29 and the other 30. Avoiding both costs memory: at most 192 to 207 MiB
 * instead of 172 to 180, and nothing more with 150 × 5.
 */

/** A catalog with more services than this needs the room. */
const MANY_SERVICES = 500;
/** How long the heap may be without work before V8 collects it completely. */
const QUIET_MS = 10 * 60_000;
/** How far the heap of a large catalog grows beyond what was in use at its last complete collection. */
const GROWTH_PERCENT = 100;

/** Keeps the semi-space at its first size, and the heap as it is during short times without work. */
export function limitHeapGrowth(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString(`--gc-memory-reducer-start-delay-ms=${QUIET_MS}`);
}

/** Lets the semi-space grow from now on, which is the default of V8. */
export const allowSemiSpaceGrowth = (): void => setFlagsFromString("--semi-space-growth-factor=2");

/** Gives the heap room as soon as a catalog turns out to be large. */
export function allowGrowthForLargeCatalog(store: CatalogStore): void {
  const stop = store.onChange(() => {
    const services = store.snapshot().get({ kind: "services" });
    if (services === undefined) return;
    stop();
    const isLarge = services.length > MANY_SERVICES;
    // 0 is V8's own limit, which also undoes that of an earlier config with a large catalog.
    setFlagsFromString(`--heap-growing-percent=${isLarge ? GROWTH_PERCENT : 0}`);
    if (isLarge) allowSemiSpaceGrowth();
  });
}
