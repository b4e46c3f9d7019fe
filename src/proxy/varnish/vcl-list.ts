import type { Generation } from "../../apply/proxy-driver.ts";
import { AppError } from "../../errors.ts";
import type { CliConnection } from "./cli-connection.ts";

/** One line of `vcl.list`. */
export interface LoadedVcl {
  readonly name: string;
  readonly isActive: boolean;
  /** It disappears with the last request that it serves. */
  readonly isDiscarded: boolean;
  /** The VCL that it points to; only a label has one. */
  readonly target?: string;
}

/** Loaded VCLs of Fairlead's that are kept beside the active one, for a quick rollback. */
const KEPT = 2;
const SINGLE = /^fairlead_(\d+)_([0-9a-f]{12})(_\d+)?$/;
const PART = /^fairlead_(to_)?(g\d\d|top|generation)(_[0-9a-f]+)?$/;
const OK = 200;
const TRUNCATED = 201;

/** @throws {AppError} RELOAD_FAILED when Varnish does not list its VCLs */
export async function listVcls(connection: CliConnection): Promise<readonly LoadedVcl[]> {
  const { status, body } = await connection.send(["vcl.list", "-j"]);
  if (status === OK) return parseVclList(body);
  const words = status === TRUNCATED ? "its answer is cut off" : body.trim();
  throw new AppError("RELOAD_FAILED", `Cannot go on as Varnish does not list its VCLs: ${words}`, {
    hint:
      status === TRUNCATED
        ? "Raise varnishd's parameter cli_limit, or discard VCLs that nothing needs"
        : "Use Varnish 6 or later",
  });
}

/**
 * The VCLs and labels that commands may name: not those that were discarded and wait for their last request. Such a VCL
 * is still listed, but its name may be loaded again.
 *
 * @throws {AppError} RELOAD_FAILED when Varnish does not list its VCLs
 */
export async function listUsable(connection: CliConnection): Promise<readonly LoadedVcl[]> {
  return (await listVcls(connection)).filter(({ isDiscarded }) => !isDiscarded);
}

/**
 * Reads the body of `vcl.list -j`: a list that starts with a version, the command and a time.
 *
 * @throws {SyntaxError} when it is not JSON
 */
function parseVclList(body: string): readonly LoadedVcl[] {
  const entries = (JSON.parse(body) as readonly unknown[]).slice(3) as readonly {
    readonly name: string;
    readonly status: string;
    readonly label?: { readonly name: string };
  }[];
  return entries.map(({ name, status, label }) => ({
    name,
    isActive: status === "active",
    isDiscarded: status === "discarded",
    ...(label === undefined ? {} : { target: label.name }),
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

/** The id of the generation that a VCL of Fairlead's holds; `undefined` when it is not Fairlead's, or a part. */
export const generationIdOf = (name: string): string | undefined => SINGLE.exec(name)?.[2];

export const activeOf = (vcls: readonly LoadedVcl[]): string | undefined =>
  vcls.find(({ isActive }) => isActive)?.name;

/**
 * VCLs and labels of Fairlead's that are no longer needed: all but the active one, the parts that are needed,
 * and the last few single ones, which come last in the list.
 *
 * @param needed names of the parts that are in use; empty when the active VCL is a single one
 */
export function outdated(
  loaded: readonly LoadedVcl[],
  needed: ReadonlySet<string> = new Set(),
): readonly string[] {
  const ours = loaded.filter(
    ({ name, isActive, isDiscarded }) => !isActive && !isDiscarded && !needed.has(name),
  );
  const single = ours.filter(({ name }) => SINGLE.test(name));
  const parts = ours.filter(({ name }) => PART.test(name));
  const kept = needed.size > 0 ? 0 : KEPT;
  return [...single.slice(0, Math.max(0, single.length - kept)), ...parts].map(({ name }) => name);
}
