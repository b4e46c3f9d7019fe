import { AppError } from "../../errors.ts";
import type { BootScript } from "./boot-script.ts";
import { explanation } from "./check-vcl.ts";
import type { CliConnection } from "./cli-connection.ts";
import { activeOf, type LoadedVcl, listUsable } from "./vcl-list.ts";

const OK = 200;
const TRUNCATED = 201;

/** A part that Varnish did not load. */
export interface PartRefusal {
  readonly path: string;
  readonly output: string;
}

/** How parts are loaded. */
export interface LoadPartsOptions {
  /** The file of a part, by its path in the script. */
  readonly from: (path: string) => string;
  readonly timeoutMs: number;
  /** Names that were loaded on trial and never served, in order. Kept from one call to the next. */
  readonly trial: Set<string>;
}

/**
 * Loads the parts of a boot script that are not loaded yet, and makes the labels that do not exist yet. No
 * request uses them: no VCL in use refers to a new label, and no existing label is moved.
 *
 * @returns the part that Varnish refused, after everything on trial was discarded
 */
export async function loadParts(
  connection: CliConnection,
  script: BootScript,
  { from, timeoutMs, trial }: LoadPartsOptions,
): Promise<PartRefusal | undefined> {
  const needed = neededNames(script);
  await discardAll([...trial].filter((name) => !needed.has(name)));
  const known = new Set((await listUsable(connection)).map(({ name }) => name));
  for (const { name, path } of script.loads) {
    if (!known.has(name)) {
      const refusal = await load(name, path);
      if (refusal !== undefined) {
        await discardAll([...trial]);
        return refusal;
      }
    }
    for (const [label, target] of script.labels) {
      if (target === name && !known.has(label)) await makeLabel(label, name);
    }
  }
  return undefined;

  async function load(name: string, path: string): Promise<PartRefusal | undefined> {
    const { status, body } = await connection.send(["vcl.load", name, from(path)], { timeoutMs });
    // An answer that was cut off does not show the status.
    const isLoaded =
      status === OK ||
      (status === TRUNCATED && (await listUsable(connection)).some((it) => it.name === name));
    if (!isLoaded) return { path, output: explanation(body) };
    trial.add(name);
    return undefined;
  }

  async function makeLabel(label: string, name: string): Promise<void> {
    await pointLabel(connection, label, name);
    trial.add(label);
  }

  /** In reverse order: what was made later may hold what was made before. */
  async function discardAll(names: readonly string[]): Promise<void> {
    for (const name of names.toReversed()) {
      await connection.send(["vcl.discard", name]);
      trial.delete(name);
    }
  }
}

/**
 * Switches to the loaded parts: first the labels of groups, then the top, last the part that answers the generation.
 * A request gets the old or the new text of a group, and a top that knows its paths.
 *
 * @throws {AppError} RELOAD_FAILED, with Varnish's own words
 */
export async function switchParts(connection: CliConnection, script: BootScript): Promise<void> {
  const vcls = await listUsable(connection);
  const targets = new Map(vcls.map(({ name, target }) => [name, target]));
  const moved = [...script.labels].filter(([label, name]) => targets.get(label) !== name);
  const isLast = ([label]: readonly [string, string]) => label === "fairlead_to_generation";
  for (const [label, name] of moved.filter((it) => !isLast(it))) {
    await pointLabel(connection, label, name);
  }
  if (activeOf(vcls) !== script.top) await done(connection, ["vcl.use", script.top]);
  for (const [label, name] of moved.filter(isLast)) await pointLabel(connection, label, name);
}

/** Whether Varnish serves exactly the script's parts. */
export function servesParts(vcls: readonly LoadedVcl[], script: BootScript): boolean {
  const targets = new Map(vcls.map(({ name, target }) => [name, target]));
  return (
    activeOf(vcls) === script.top &&
    [...script.labels].every(([label, name]) => targets.get(label) === name)
  );
}

/** All names that a script needs. */
export const neededNames = ({ loads, labels }: BootScript): ReadonlySet<string> =>
  new Set([...loads.map(({ name }) => name), ...labels.keys()]);

const pointLabel = async (connection: CliConnection, label: string, name: string): Promise<void> =>
  await done(connection, ["vcl.label", label, name]);

async function done(connection: CliConnection, words: readonly string[]): Promise<void> {
  const { status, body } = await connection.send(words);
  if (status === OK) return;
  throw new AppError(
    "RELOAD_FAILED",
    `Cannot reload as Varnish refuses "${words.join(" ")}": ${body.trim()}`,
    { hint: "See what varnishd logs, and whether another program uses its CLI" },
  );
}
