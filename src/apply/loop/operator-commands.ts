import type { FileConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { ControlledProxy } from "../controlled-proxy.ts";
import { isOutputOf } from "../disk/output-paths.ts";
import type { History, StoredGeneration } from "../state/history.ts";
import type { Stages } from "./open-stages.ts";

interface DirectedParts
  extends Pick<Stages, "control" | "gates" | "history" | "state" | "reconcileLoop"> {
  readonly files: readonly FileConfig[];
}

/** Does what operators ask of a proxy. */
export function createOperatorCommands(parts: DirectedParts): Omit<ControlledProxy, "status"> {
  const { control, gates, history, state, reconcileLoop } = parts;
  const since = () => new Date().toISOString();
  return {
    history,
    async pause() {
      await control.set({ mode: "paused", since: since() });
      return await reconcileLoop.next();
    },
    async resume() {
      await control.set({ mode: "following" });
      return await reconcileLoop.next();
    },
    async rollback(number) {
      const generation = number ?? history.before(state.live?.id)?.number;
      if (generation === undefined) throw refusal("there is none before the live one");
      readGeneration(history, generation, parts.files);
      await control.set({ mode: "rolled-back", since: since(), generation });
      return await reconcileLoop.next();
    },
    async accept() {
      if (gates.accept()) return await reconcileLoop.next();
      throw new AppError("CONTROL", "Cannot accept a change as the guard holds none", {
        hint: "See `fairlead status`",
      });
    },
  };
}

/**
 * A generation of the history, to be served again. Only what the config names is ever written: the history
 * lies in a directory, and who may write there shall not choose other files.
 *
 * @throws {AppError} CONTROL when it is not there, not whole, or has other files
 */
export function readGeneration(
  history: Pick<History, "read">,
  number: number,
  files: readonly FileConfig[],
): StoredGeneration {
  const stored = history.read(number);
  if (stored === undefined) throw refusal(`there is no generation ${number} in the history`);
  const other = stored.outputs.find(({ path }) => !files.some((file) => isOutputOf(file, path)));
  if (other === undefined) return stored;
  throw refusal(`the config no longer names its file "${other.path}"`);
}

const refusal = (why: string): AppError =>
  new AppError("CONTROL", `Cannot roll back as ${why}`, {
    hint: "See `fairlead history` for what there is",
  });
