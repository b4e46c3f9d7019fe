import { isDeepStrictEqual } from "node:util";
import { type AdminServer, startAdminServer } from "../../admin/admin-server.ts";
import type { Metrics } from "../../admin/metrics.ts";
import type { ControlledProxy } from "../../apply/controlled-proxy.ts";
import { deferListener, type EventListener } from "../../apply/pipeline-events.ts";
import { DEFAULT_ADMIN_LISTEN } from "../../config/admin-schema.ts";
import type { Config } from "../../config/schema.ts";
import { AppError } from "../../errors.ts";
import type { Session } from "./open-session.ts";

/** The admin address of a daemon, which outlives its configs. */
export interface AdminAddress {
  /**
   * Listens as a config says, and speaks for `proxies` from now on.
   *
   * @throws {AppError} ADMIN when it cannot listen where the config says; where it says nothing, that is
   * only said in the log.
   */
  use(session: Session): Promise<void>;
  speakFor(proxies: readonly ControlledProxy[]): void;
  /** Counts the events of one proxy. */
  listenerFor(proxy: string): EventListener;
  close(): Promise<void>;
}

export function createAdminAddress(version: string): AdminAddress {
  const startedAt = new Date().toISOString();
  let proxies: readonly ControlledProxy[] | undefined;
  let metrics: Promise<Metrics> | undefined;
  let server: AdminServer | undefined;
  let used: Config["admin"];
  /** Secrets change with the config; the server may not. */
  let redact = (text: string): string => text;

  return {
    async use(session) {
      const { admin } = session.loaded.config;
      redact = session.redact;
      if (server !== undefined && isDeepStrictEqual(admin, used)) return;
      await server?.close();
      server = undefined;
      used = admin;
      if (admin?.listen !== "off") server = await open(session);
    },
    speakFor(now) {
      proxies = now;
    },
    listenerFor: (proxy) => deferListener(loadMetrics().then((it) => it.listenerFor(proxy))),
    close: async () => await server?.close(),
  };

  async function open({ loaded, log }: Session): Promise<AdminServer | undefined> {
    const { admin } = loaded.config;
    const listen = admin?.listen ?? DEFAULT_ADMIN_LISTEN;
    const daemon = { version, startedAt, proxies: () => proxies, metrics: loadMetrics };
    try {
      const token = admin?.token === "" ? undefined : admin?.token;
      const opened = await startAdminServer({
        listen,
        token,
        daemon,
        redact: (text) => redact(text),
        log,
      });
      log.info({ listen }, `health, metrics and status are at http://${listen}`);
      return opened;
    } catch (error) {
      if (!(error instanceof AppError) || admin !== undefined) throw error;
      log.warn(
        { err: error, hint: error.hint },
        `${error.message}; going on without an admin address`,
      );
      return undefined;
    }
  }

  /** Beside the work, as it takes a while to load. */
  function loadMetrics(): Promise<Metrics> {
    metrics ??= import("../../admin/metrics.ts").then((it) => it.createMetrics(version));
    return metrics;
  }
}
