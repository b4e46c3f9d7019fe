import type { Log } from "../../log.ts";
import type { CliConnection } from "./cli-connection.ts";

const OK = 200;

/** Discards VCLs and labels that are no longer needed. */
export interface Discarder {
  /** Logs once what cannot be discarded, and tries it again the next time. */
  discard(connection: CliConnection, names: readonly string[]): Promise<void>;
}

export function createDiscarder(log: Log): Discarder {
  /** Names that Varnish keeps though it was asked to discard them. */
  const kept = new Set<string>();
  return {
    async discard(connection, names) {
      let left = names;
      let words = new Map<string, string>();
      // A label holds its VCL, and a VCL that uses the label holds the label: they are discarded one after the other.
      for (let before = -1; left.length > 0 && left.length !== before; ) {
        before = left.length;
        words = await tryEach(connection, left);
        left = [...words.keys()];
      }
      for (const [name, body] of words) {
        if (!kept.has(name)) log.warn({ vcl: name }, `Varnish does not discard "${name}": ${body}`);
        kept.add(name);
      }
      for (const name of kept) if (!words.has(name)) kept.delete(name);
    },
  };
}

/** Varnish's words for each name that it did not discard. */
async function tryEach(
  connection: CliConnection,
  names: readonly string[],
): Promise<Map<string, string>> {
  const words = new Map<string, string>();
  for (const name of names) {
    const { status, body } = await connection.send(["vcl.discard", name]);
    if (status !== OK) words.set(name, body.trim().replaceAll(/\s+/g, " "));
  }
  return words;
}
