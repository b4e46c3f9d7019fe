import { readFile } from "node:fs/promises";
import type { Generation } from "../../apply/proxy-driver.ts";
import { AppError } from "../../errors.ts";
import { explanation } from "./check-vcl.ts";
import type { CliConnection } from "./cli-connection.ts";
import { activeOf, generationIdOf, listVcls, newVclName } from "./vcl-list.ts";

const OK = 200;

/**
 * Loads a generation that is one VCL, under a new name.
 *
 * @throws {AppError} RELOAD_FAILED, with Varnish's own words
 */
export async function loadSingle(
  connection: CliConnection,
  generation: Generation,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<string> {
  const name = newVclName(generation, await listVcls(connection));
  const [path = ""] = generation.paths;
  const { status, body } = await connection.send(["vcl.load", name, path], { timeoutMs });
  // An answer that was cut off does not show the status.
  if (status === OK || (await listVcls(connection)).some((it) => it.name === name)) return name;
  throw notLoaded(path, explanation(body));
}

/** The error for a file that Varnish does not load. */
export function notLoaded(path: string, output: string): AppError {
  return new AppError(
    "RELOAD_FAILED",
    `Cannot reload as Varnish does not load "${path}": ${output}`,
    { hint: "Let varnishd read the file at the same path, and correct what it names" },
  );
}

/** @throws {AppError} RELOAD_FAILED, after the VCL was discarded */
export async function useSingle(connection: CliConnection, name: string): Promise<void> {
  const { status, body } = await connection.send(["vcl.use", name]);
  if (status === OK) return;
  await connection.send(["vcl.discard", name]);
  throw new AppError(
    "RELOAD_FAILED",
    `Cannot reload as Varnish does not use "${name}": ${body.trim()}`,
    { hint: "See what varnishd logs" },
  );
}

/** Whether the active VCL is the generation's own, or has exactly the live file's text, such as `boot` after a restart. */
export async function servesSingle(
  connection: CliConnection,
  { id, paths }: Generation,
): Promise<boolean> {
  const active = activeOf(await listVcls(connection));
  if (active === undefined) return false;
  if (generationIdOf(active) !== undefined) return generationIdOf(active) === id;
  if (paths.length !== 1) return false;
  const [shown, text] = await Promise.all([
    connection.send(["vcl.show", active]),
    readFile(paths[0] ?? "", "utf8"),
  ]);
  return shown.status === OK && shown.body.trimEnd() === text.trimEnd();
}
