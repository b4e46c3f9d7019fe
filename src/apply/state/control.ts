import { join } from "node:path";
import { z } from "zod";
import {
  type OnUnusable,
  openStateDirectory,
  readStateJson,
  writeStateFile,
} from "../disk/state-directory.ts";

const controlSchema = z.discriminatedUnion("mode", [
  z.strictObject({ mode: z.literal("following") }),
  z.strictObject({ mode: z.literal("paused"), since: z.string() }),
  z.strictObject({ mode: z.literal("rolled-back"), since: z.string(), generation: z.int() }),
]);

/**
 * What an operator wants of a proxy: that it follows the catalog, that nothing changes, or that it serves
 * one generation of its history. `since` is ISO 8601.
 */
export type Control = Readonly<z.infer<typeof controlSchema>>;

/** The control of one proxy, kept across restarts. */
export interface ControlFile {
  now(): Control;
  /** @throws {AppError} SWAP when it cannot be kept; then nothing changes */
  set(control: Control): Promise<void>;
}

/** The number of the generation that an operator went back to. */
export const pinnedBy = (control: Control): number | undefined =>
  control.mode === "rolled-back" ? control.generation : undefined;

const FOLLOWING: Control = { mode: "following" };

/** @throws {AppError} SWAP when the state directory cannot be used */
export function openControl(state: string, proxy: string, onUnusable: OnUnusable): ControlFile {
  const path = join(state, proxy, "control.json");
  let control = readStateJson(path, controlSchema, onUnusable) ?? FOLLOWING;
  return {
    now: () => control,
    async set(next) {
      openStateDirectory(state);
      openStateDirectory(join(state, proxy));
      await writeStateFile(path, `${JSON.stringify(next)}\n`);
      control = next;
    },
  };
}
