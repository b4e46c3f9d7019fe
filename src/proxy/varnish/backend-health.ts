/** How a VCL's probed backends are, by what `backend.list -j` says. */
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
