import { constants, copyFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import { AppError } from "../../errors.ts";
import type { Output } from "../../template/render/render-files.ts";
import { generationId } from "../../template/render/render-proxy.ts";
import { areInPlace, readState } from "../disk/durable-file.ts";
import { openStateDirectory, stateError } from "../disk/state-directory.ts";
import type { FormerFiles } from "../pipeline-events.ts";
import { readOutput } from "./fill-history.ts";
import type { History } from "./history.ts";
import type { LiveState } from "./live-state.ts";

/** Where what was there before is kept. */
interface Keeping {
  readonly history: Pick<History, "entries" | "keepFormer">;
  readonly state: Pick<LiveState, "live" | "inPlace" | "interrupted">;
  readonly proxy: ProxyConfig;
  /** The proxy's directory of the state. */
  readonly directory: string;
}

/**
 * Keeps files that Fairlead did not write, before its first generation replaces them: in the history, as generation 0, so
 * that `rollback` goes there.
 *
 * @returns `undefined` where there are none, or where something of Fairlead's is in place already
 * @throws {AppError} SWAP: then nothing may be replaced
 */
export function keepFormerFiles(
  outputs: readonly Output[],
  { history, state, proxy, directory }: Keeping,
): FormerFiles | undefined {
  const isFirst = (state.live ?? state.inPlace ?? state.interrupted()) === undefined;
  if (!isFirst || history.entries().length > 0) return undefined;
  const foreign = outputs.filter((it) => isThere(it.path) && !areInPlace([it]));
  if (foreign.length === 0) return undefined;
  try {
    return keep(foreign, { history, proxy, directory });
  } catch (cause) {
    throw cause instanceof AppError ? cause : stateError(directory, cause);
  }
}

function keep(
  foreign: readonly Output[],
  { history, proxy, directory }: Omit<Keeping, "state">,
): FormerFiles {
  const former = foreign.flatMap(({ path }) => readOutput(path, proxy) ?? []);
  const [text, bytes] = [former.filter(isText), former.filter((it) => !isText(it))];
  if (text.length > 0) history.keepFormer(generationId(text), text);
  const copies = bytes.map(({ path }) => copyBeside(path, join(directory, "former")));
  return { kept: text.map(({ path }) => path), copies };
}

const isThere = (path: string): boolean => readState(path) !== undefined;

/** Whether the text holds all that the file does. */
const isText = ({ path, text }: Output): boolean =>
  readState(path)?.bytes.equals(Buffer.from(text)) === true;

function copyBeside(path: string, directory: string): string {
  openStateDirectory(directory);
  const copy = join(directory, basename(path));
  copyFileSync(path, copy, constants.COPYFILE_EXCL);
  return copy;
}
