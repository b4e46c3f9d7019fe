import { lockState, type StateLock } from "../../apply/disk/state-lock.ts";

/** The lock of the state directory in use. A config that is read again may name another directory. */
export interface HeldState {
  /** Locks a directory and releases the one before. @throws {AppError} when another daemon has it */
  moveTo(directory: string): Promise<void>;
  release(): Promise<void>;
}

export function holdState(): HeldState {
  let held: { readonly directory: string; readonly lock: StateLock } | undefined;
  return {
    async moveTo(directory) {
      if (held?.directory === directory) return;
      const lock = await lockState(directory);
      await held?.lock.release();
      held = { directory, lock };
    },
    release: async () => await held?.lock.release(),
  };
}
