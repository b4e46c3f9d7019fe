import type { Generation } from "../../apply/proxy-driver.ts";
import type { VarnishConfig } from "../../config/proxy-schema.ts";
import type { Log } from "../../log.ts";
import { type BootScript, readBootScript } from "./boot-script.ts";
import type { CliConnection } from "./cli-connection.ts";
import { loadParts, switchParts } from "./load-parts.ts";
import { loadSingle, notLoaded, useSingle } from "./load-single.ts";
import { warmBackends } from "./warm-backends.ts";

/** What a Varnish was given: one VCL, or the parts of a boot script. */
export type Activated =
  | { readonly kind: "single"; readonly name: string }
  | { readonly kind: "parts"; readonly script: BootScript };

/** Makes generations the ones that a Varnish serves. */
export interface Activator {
  /** Names of parts that a check loaded and that were never served. */
  readonly trial: Set<string>;
  /**
   * Loads what is not loaded yet, waits for probed backends, and switches to it.
   *
   * @throws {AppError} RELOAD_FAILED, with Varnish's own words
   */
  activate(
    connection: CliConnection,
    generation: Generation,
    signal: AbortSignal,
  ): Promise<Activated>;
}

/** How long new backends may take for their first good probe, before they are used all the same. */
const WARM_MS = 5_000;

export function createActivator({ checkTimeout }: VarnishConfig, log: Log): Activator {
  const trial = new Set<string>();
  /** The parts that were in use last: their probes have run for long. */
  let warmed: ReadonlySet<string> = new Set();

  return {
    trial,
    async activate(connection, generation, signal) {
      const script = await readBootScript(generation.paths);
      return script === undefined
        ? await activateSingle(connection, generation, signal)
        : await activateParts(connection, script, signal);
    },
  };

  async function activateSingle(
    connection: CliConnection,
    generation: Generation,
    signal: AbortSignal,
  ): Promise<Activated> {
    const name = await loadSingle(connection, generation, { timeoutMs: checkTimeout });
    const deadlineMs = performance.now() + WARM_MS;
    const vcl = { name, paths: generation.paths };
    await warmBackends(connection, vcl, { log, signal, deadlineMs });
    await useSingle(connection, name);
    return { kind: "single", name };
  }

  /** The check has loaded the parts already. After a restart of Varnish all of them are loaded here. */
  async function activateParts(
    connection: CliConnection,
    script: BootScript,
    signal: AbortSignal,
  ): Promise<Activated> {
    const options = { from: (path: string) => path, timeoutMs: checkTimeout, trial };
    const refused = await loadParts(connection, script, options);
    if (refused !== undefined) throw notLoaded(refused.path, refused.output);
    await warmParts(connection, script, signal);
    await switchParts(connection, script);
    warmed = new Set(script.labels.values());
    trial.clear();
    return { kind: "parts", script };
  }

  async function warmParts(
    connection: CliConnection,
    script: BootScript,
    signal: AbortSignal,
  ): Promise<void> {
    const deadlineMs = performance.now() + WARM_MS;
    const paths = new Map(script.loads.map(({ name, path }) => [name, path]));
    for (const name of script.labels.values()) {
      if (warmed.has(name)) continue;
      const vcl = { name, paths: [paths.get(name) ?? ""] };
      await warmBackends(connection, vcl, { log, signal, deadlineMs });
    }
  }
}
