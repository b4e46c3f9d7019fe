import { createHash } from "node:crypto";
import type { BootScript } from "./boot-script.ts";
import type { CliConnection } from "./cli-connection.ts";
import { activeOf, type LoadedVcl, listVcls } from "./vcl-list.ts";

/** What a Varnish serves now. */
export interface ServedVcl {
  readonly vcls: readonly LoadedVcl[];
  /** Varnish's own words, when its child does not run. */
  readonly down: string | undefined;
  /** The manager's process id. */
  readonly manager: string;
}

export async function readServed(connection: CliConnection): Promise<ServedVcl> {
  const vcls = await listVcls(connection);
  const { body: state } = await connection.send(["status"]);
  const { body: pids } = await connection.send(["pid"]);
  const manager = /Master:\s*(\d+)/.exec(pids)?.[1] ?? "?";
  return { vcls, manager, down: /running/.test(state) ? undefined : state.trim() };
}

/**
 * Identifies what a Varnish serves: the active VCL, the targets of the labels that it uses, and the manager's process.
 *
 * @param labels the labels that the active VCL uses; none for a single VCL. Other labels come and go: on trial, no longer needed, or not Fairlead's.
 */
export function servedIdentity(
  { vcls, down, manager }: ServedVcl,
  labels: ReadonlySet<string>,
): string {
  const parts = vcls.flatMap(({ name, target }) =>
    target !== undefined && labels.has(name) ? [name, target] : [],
  );
  const digest = parts.length === 0 ? "" : `+${hash(parts.join(" "))}`;
  return `${down ?? activeOf(vcls) ?? "no VCL"}${digest}@${manager}`;
}

/** What Varnish serves, and the labels that it uses. */
export interface Proved {
  readonly identity: string;
  readonly labels: ReadonlySet<string>;
}

/** The proof that Varnish serves what it should. */
export function provedBy(served: ServedVcl, script: BootScript | undefined): Proved {
  const labels = new Set(script?.labels.keys());
  return { identity: servedIdentity(served, labels), labels };
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
