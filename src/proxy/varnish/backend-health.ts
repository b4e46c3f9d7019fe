import type { CliConnection } from "./cli-connection.ts";

/** The health of a VCL's probed backends, as `backend.list -j` shows it. */
export interface BackendHealth {
  readonly probed: number;
  /** Probed backends that Varnish would not use now. */
  readonly sick: readonly string[];
}

interface Entry {
  readonly type?: unknown;
  readonly admin_health?: unknown;
  readonly probe_message?: readonly unknown[] | string;
}

const OK = 200;
const TRUNCATED = 201;
/** The characters of a VCL identifier, in five classes. */
const CLASSES = ["[A-Z]", "[-_0-9]", "[a-h]", "[i-p]", "[q-z]"];
/** How many characters of an identifier are told apart at most. */
const LONGEST = 100;

/** The probed backends of a VCL that Varnish would not use now. Empty while the VCL has no backends yet. */
export async function sickBackends(
  connection: CliConnection,
  vcl: string,
): Promise<readonly string[]> {
  return await sickLike(connection, `${vcl}.*`, 0);
}

/** An answer that is longer than varnishd's `cli_limit` is cut off. Then the names are requested class by class. */
async function sickLike(
  connection: CliConnection,
  pattern: string,
  depth: number,
): Promise<readonly string[]> {
  const { status, body } = await connection.send(["backend.list", "-j", pattern]);
  if (status === OK) return parseBackendHealth(body).sick;
  if (status !== TRUNCATED || depth > LONGEST) return []; // no child yet: it starts with the VCL
  const prefix = pattern.slice(0, -1);
  const sick = [...(await sickLike(connection, prefix, LONGEST + 1))];
  for (const characters of CLASSES) {
    sick.push(...(await sickLike(connection, `${prefix}${characters}*`, depth + 1)));
  }
  return sick;
}

/**
 * Reads the body of `backend.list -j`.
 *
 * A backend with a probe has `admin_health` "probe" and a message such as `[5, 8, "healthy"]`; without one
 * the message is a single text. Directors are listed as well, and are not counted.
 *
 * @throws {SyntaxError} when it is not JSON
 */
export function parseBackendHealth(body: string): BackendHealth {
  const [, , , backends] = JSON.parse(body) as readonly [
    unknown,
    unknown,
    unknown,
    Readonly<Record<string, Entry>>,
  ];
  const probed = Object.entries(backends ?? {}).filter(
    ([, { type, admin_health, probe_message }]) =>
      type === "backend" &&
      admin_health === "probe" &&
      Array.isArray(probe_message) &&
      probe_message.length === 3,
  );
  const sick = probed.filter(([, { probe_message }]) => probe_message?.[2] !== "healthy");
  return { probed: probed.length, sick: sick.map(([name]) => name) };
}
