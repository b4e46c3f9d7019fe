import type { FileConfig } from "../config/proxy-schema.ts";
import { AppError } from "../errors.ts";
import { readGeneration } from "./direct-proxy.ts";
import type { Stages } from "./open-stages.ts";
import type { Fate } from "./proxy-status.ts";

/**
 * Serves a generation of the history, whatever the catalog says.
 *
 * @throws the signal's reason, once aborted
 */
export async function goBack(
  number: number,
  { history, state, attempts, report }: Stages,
  { files, signal }: { readonly files: readonly FileConfig[]; readonly signal: AbortSignal },
): Promise<Fate> {
  try {
    const { entry, outputs } = readGeneration(history, number, files);
    if (state.isServed(entry.id)) return "unchanged";
    const view = state.live?.view ?? new Map();
    const stored = { id: entry.id, outputs };
    const made = await attempts.make(stored, { mayBeSuperseded: false, signal });
    if (made === undefined) return "superseded";
    const change = `back to generation ${number}`;
    const cause = { change, queries: [], isByTemplate: false, rollbackTo: number };
    report.outcome(made.generation, made.outcome, { cause, outputs });
    return await attempts.settle(made.generation, made.outcome, view);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    report.templateRefused(error);
    return "refused";
  }
}
