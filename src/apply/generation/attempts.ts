import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Rendered } from "../../template/render/render-proxy.ts";
import type { GenerationResult, Plan } from "../generation-result.ts";
import { EMPTY_VIEW, type Origin, type View } from "../guard/view.ts";
import type { PipelineEvents } from "../pipeline-events.ts";
import type { Generation, ProxyDriver } from "../proxy-driver.ts";
import type { ReconcileResult } from "../proxy-status.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { LiveState } from "../state/live-state.ts";
import { applyGeneration } from "./apply-generation.ts";
import { abandonWhenOutdated } from "./outdated-check.ts";
import { restoreComplete, resumeGeneration } from "./resume-generation.ts";

/** The attempts at making generations of one proxy live: one at a time, each recorded, and failures tried again. */
export interface Attempts {
  /** Makes the files whole that a death left in the middle of a swap, before anything reads them. */
  restoreComplete(): Promise<void>;
  /** Sees a swap that a death interrupted to its end. Returns whether all files are of one generation then. */
  finishInterrupted(signal: AbortSignal): Promise<boolean>;
  /**
   * Tries to make rendered files live. Whoever asks records how it ended.
   *
   * @returns `undefined` when newer changes came while it was checked, which `mayBeSuperseded` allows
   */
  make(
    rendered: Pick<Rendered, "id" | "outputs">,
    options: {
      readonly mayBeSuperseded: boolean;
      /** Comes after the check, before any file is replaced. @throws {AppError} SWAP: then none is, and the attempt failed */
      readonly prepare?: () => void;
      readonly signal: AbortSignal;
    },
  ): Promise<{ readonly generation: Generation; readonly result: GenerationResult } | undefined>;
  /** Records how one ended, and has it tried again if it did not go live. */
  conclude(
    generation: Generation,
    result: GenerationResult,
    origin: Origin,
  ): Promise<ReconcileResult>;
  /** Only records how one ended. A state directory that fails later is said, and does not end what works. */
  record(generation: Generation, result: GenerationResult, origin: Origin): Promise<void>;
  /** Notes what the live generation was made from, when that changed but its bytes did not. */
  sawView(view: View): Promise<void>;
}

interface AttemptParts {
  readonly driver: ProxyDriver;
  readonly state: LiveState;
  readonly schedule: Schedule;
  readonly events: PipelineEvents;
  readonly log: Log;
}

export function createAttempts({ driver, state, schedule, events, log }: AttemptParts): Attempts {
  const { journal } = state;
  /** The last one was given up for newer changes: the next one is not, so that some go live in any storm. */
  let wasSuperseded = false;

  return {
    restoreComplete: () => restoreComplete(state.interrupted(), journal),
    async finishInterrupted(signal) {
      const entry = state.interrupted();
      if (entry === undefined) return true;
      const { inPlace: previous } = state;
      const result = await resumeGeneration(entry, { driver, journal, previous, signal });
      events.resumed(entry.generation, result);
      const origin = { view: state.live?.view ?? EMPTY_VIEW, catalogAtMs: Date.now() };
      await record(entry.generation, result, origin);
      if (state.interrupted() !== undefined) events.willRetry(schedule.failed({ soon: false }));
      return state.interrupted() === undefined;
    },
    async make({ id, outputs }, { mayBeSuperseded, prepare, signal }) {
      schedule.applying();
      const { inPlace: previous } = state;
      const plan = await state.plan({ id, outputs });
      const check = abandonWhenOutdated(() => mayBeSuperseded && isNewerDue(plan), signal);
      try {
        const work = { driver, plan, outputs, previous, journal, prepare, signal };
        const result = await applyGeneration({ ...work, checkSignal: check.signal });
        wasSuperseded = false;
        return { generation: plan.generation, result };
      } catch (error) {
        if (!check.isOutdated() || signal.aborted) throw error;
        wasSuperseded = true;
        events.superseded(plan.generation);
        return undefined;
      } finally {
        check.stop();
      }
    },
    async conclude(generation, result, origin) {
      await record(generation, result, origin);
      if (result.kind === "live") schedule.succeeded();
      else {
        const isDown = result.kind === "failed" && result.error.code === "PROXY_DOWN";
        events.willRetry(schedule.failed({ soon: isDown }));
      }
      return result.kind;
    },
    record,
    sawView: async (view) => await noted(state.sawView(view)),
  };

  function isNewerDue({ owesReload }: Plan): boolean {
    return !wasSuperseded && !owesReload && schedule.isChangeDue();
  }

  async function record(
    generation: Generation,
    result: GenerationResult,
    origin: Origin,
  ): Promise<void> {
    await noted(state.record(generation, result, origin));
  }

  async function noted(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      log.error({ err: error, hint: error.hint }, error.message);
    }
  }
}
