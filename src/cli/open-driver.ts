import type { ProxyDriver } from "../apply/proxy-driver.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import type { Log } from "../log.ts";

/** Makes the driver for a proxy, loading the code of its kind only. */
export async function openDriver(proxy: ProxyConfig, log: Log): Promise<ProxyDriver> {
  if (proxy.kind === "nginx") {
    const { createNginxDriver } = await import("../proxy/nginx/nginx-driver.ts");
    return createNginxDriver(proxy, { log });
  }
  const { createVarnishDriver } = await import("../proxy/varnish/varnish-driver.ts");
  return createVarnishDriver(proxy, { log });
}
