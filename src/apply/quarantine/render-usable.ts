import type { Snapshot } from "../../catalog/snapshot.ts";
import {
  createFaultIsolation,
  type IsolatedRender,
  type RenderFrom,
  type RenderWith,
} from "./isolate-faults.ts";

/**
 * Renders what is usable of a snapshot, once, with nothing in force.
 *
 * @throws {AppError} TEMPLATE when the fault is the template's
 */
export async function renderUsable({
  snapshot,
  ...from
}: RenderFrom & { readonly snapshot: Snapshot }): Promise<IsolatedRender> {
  const isolation = createFaultIsolation({ now: () => performance.now() });
  return await isolation.render(snapshot, onceWith(from));
}

/** How something is rendered once, with nothing in force. */
export const onceWith = (from: RenderFrom): RenderWith => ({
  from,
  isHeld: false,
  searchMs: Number.POSITIVE_INFINITY,
  mayBeTemplate: true,
  isFailing: () => false,
});
