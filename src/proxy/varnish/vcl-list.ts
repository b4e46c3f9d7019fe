import type { Generation } from "../../apply/proxy-driver.ts";

/** One line of `vcl.list`. */
export interface LoadedVcl {
  readonly name: string;
  readonly isActive: boolean;
  /** It is gone as soon as the last request that it serves is. */
  readonly isDiscarded: boolean;
}

/** Loaded VCLs of Fairlead's that are kept besides the active one, for a quick way back. */
const KEPT = 2;
const OURS = /^fairlead_(\d+)_([0-9a-f]{12})(_\d+)?$/;

/**
 * Reads the body of `vcl.list -j`: a list that starts with a version, the command and a time.
 *
 * @throws {SyntaxError} when it is not JSON
 */
export function parseVclList(body: string): readonly LoadedVcl[] {
  const entries = (JSON.parse(body) as readonly unknown[]).slice(3) as readonly {
    readonly name: string;
    readonly status: string;
  }[];
  return entries.map(({ name, status }) => ({
    name,
    isActive: status === "active",
    isDiscarded: status === "discarded",
  }));
}

/** A name for a generation's VCL that is not taken. */
export function newVclName({ number, id }: Generation, loaded: readonly LoadedVcl[]): string {
  const taken = new Set(loaded.map(({ name }) => name));
  const base = `fairlead_${number}_${id}`;
  let name = base;
  for (let i = 2; taken.has(name); i += 1) name = `${base}_${i}`;
  return name;
}

/** The id of the generation that a VCL of Fairlead's holds; `undefined` when it is somebody else's. */
export const generationIdOf = (name: string): string | undefined => OURS.exec(name)?.[2];

/** VCLs of Fairlead's that nobody needs any more: all but the active one and the last few, which come last in the list. */
export function outdated(loaded: readonly LoadedVcl[]): readonly string[] {
  const ours = loaded.filter(
    ({ name, isActive, isDiscarded }) => !isActive && !isDiscarded && OURS.test(name),
  );
  return ours.slice(0, Math.max(0, ours.length - KEPT)).map(({ name }) => name);
}
