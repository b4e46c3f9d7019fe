import type { FileConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import { EMPTY_VIEW } from "../guard/view.ts";
import type { ReconcileResult } from "../proxy-status.ts";
import type { Stages } from "./open-stages.ts";
import { readGeneration } from "./operator-commands.ts";

/**
 * Serves a generation of the history, whatever the catalog says.
 *
 * @param options.because why, where no operator asked for it
 * @throws the signal's reason, once aborted
 */
export async function serveGeneration(
  number: number,
  { history, state, attempts, events }: Stages,
  options: {
    readonly files: readonly FileConfig[];
    readonly signal: AbortSignal;
    readonly because?: string | undefined;
  },
): Promise<ReconcileResult> {
  const { files, signal, because } = options;
  try {
    const { entry, outputs } = readGeneration(history, number, files);
    if (state.isServed(entry.id)) return "unchanged";
    const { live } = state;
    const origin = {
      view: live?.view ?? EMPTY_VIEW,
      catalogAtMs: because === undefined ? 0 : (live?.catalogAtMs ?? 0),
    };
    const stored = { id: entry.id, outputs };
    const made = await attempts.make(stored, { mayBeSuperseded: false, signal });
    if (made === undefined) return "superseded";
    const cause =
      because === undefined
        ? { ...NO_CHANGE, change: `back to generation ${number}`, rollbackTo: number }
        : { ...NO_CHANGE, change: because };
    events.applied(made.generation, made.result, { cause, outputs });
    return await attempts.conclude(made.generation, made.result, origin);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    events.templateRefused(error);
    return "refused";
  }
}

const NO_CHANGE = { queries: [], isByTemplate: false };
