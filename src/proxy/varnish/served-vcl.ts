import { createHash } from "node:crypto";
import type { CliConnection } from "./cli-connection.ts";
import { activeOf, type LoadedVcl, listVcls } from "./vcl-list.ts";

/** What a Varnish serves now. */
export interface ServedVcl {
  readonly vcls: readonly LoadedVcl[];
  /** Varnish's own words, when its child does not run. */
  readonly down: string | undefined;
  /** Names it for good: what is active, where labels lead to, and the manager's process. */
  readonly identity: string;
  readonly manager: string;
}

export async function readServed(connection: CliConnection): Promise<ServedVcl> {
  const vcls = await listVcls(connection);
  const { body: state } = await connection.send(["status"]);
  const { body: pids } = await connection.send(["pid"]);
  const manager = /Master:\s*(\d+)/.exec(pids)?.[1] ?? "?";
  const down = /running/.test(state) ? undefined : state.trim();
  const parts = vcls.flatMap(({ name, target }) => (target === undefined ? [] : [name, target]));
  const digest = parts.length === 0 ? "" : `+${hash(parts.join(" "))}`;
  return {
    vcls,
    down,
    manager,
    identity: `${down ?? activeOf(vcls) ?? "no VCL"}${digest}@${manager}`,
  };
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
