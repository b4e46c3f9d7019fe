import { isDeepStrictEqual } from "node:util";
import type { ProxyDriver } from "../../apply/proxy-driver.ts";
import type { ProxyConfig } from "../../config/proxy-schema.ts";
import type { Log } from "../../log.ts";
import { openDriver } from "../../proxy/proxy-kinds.ts";

/** The open drivers. They outlive a config that is read again, so that a supervised proxy keeps running. */
export interface DriverPool {
  /** The driver of a proxy: the open one while the proxy's config is the same, else a new one. */
  take(
    proxy: ProxyConfig,
    options: { readonly log: Log; readonly state: string },
  ): Promise<ProxyDriver>;
  closeUnused(used: readonly ProxyConfig[]): Promise<void>;
  reopenLogs(): void;
  closeAll(): Promise<void>;
}

export function createDriverPool(): DriverPool {
  const pool = new Map<string, { readonly proxy: ProxyConfig; readonly driver: ProxyDriver }>();
  return {
    async take(proxy, options) {
      const known = pool.get(proxy.name);
      if (known !== undefined && isDeepStrictEqual(known.proxy, proxy)) return known.driver;
      await known?.driver.close();
      const driver = await openDriver(proxy, options);
      pool.set(proxy.name, { proxy, driver });
      return driver;
    },
    async closeUnused(used) {
      for (const [name, { driver }] of pool) {
        if (used.some((proxy) => proxy.name === name)) continue;
        pool.delete(name);
        await driver.close();
      }
    },
    reopenLogs() {
      for (const { driver } of pool.values()) driver.reopenLogs();
    },
    async closeAll() {
      await Promise.all([...pool.values()].map(({ driver }) => driver.close()));
    },
  };
}
