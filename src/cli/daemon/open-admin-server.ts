import { isDeepStrictEqual } from "node:util";
import { type AdminServer, startAdminServer } from "../../admin/admin-server.ts";
import type { Metrics } from "../../admin/metrics.ts";
import type { ControlledProxy } from "../../apply/controlled-proxy.ts";
import { deferListener, type EventListener } from "../../apply/pipeline-events.ts";
import { DEFAULT_ADMIN_LISTEN } from "../../config/admin-schema.ts";
import type { Config } from "../../config/schema.ts";
import { AppError } from "../../errors.ts";
import type { Session } from "./open-session.ts";

/** The admin address of a daemon. It outlives each config. */
export interface AdminAddress {
  /**
   * Listens at the address of a config.
   *
   * @throws {AppError} ADMIN when it cannot listen at the address that the config names. When the config names none, it
   *   only logs that the default address cannot be used.
   */
  use(session: Session): Promise<void>;
  /** Shows these proxies from now on. */
  show(proxies: readonly ControlledProxy[]): void;
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
  /** The secrets change with each config, also when the server stays. */
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
    show(now) {
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
        `${error.message}; it continues without an admin address`,
      );
      return undefined;
    }
  }

  /** Loads the code of the metrics beside the other work, as that takes a while. */
  function loadMetrics(): Promise<Metrics> {
    metrics ??= import("../../admin/metrics.ts").then((it) => it.createMetrics(version));
    return metrics;
  }
}
