import type { ProxyDriver } from "../apply/proxy-driver.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import type { Log } from "../log.ts";

/**
 * Makes the driver for a proxy, loading the code of its kind only.
 *
 * @param options.state the config's state directory
 */
export async function openDriver(
  proxy: ProxyConfig,
  options: { readonly log: Log; readonly state: string },
): Promise<ProxyDriver> {
  if (proxy.kind === "nginx") {
    const { createNginxDriver } = await import("./nginx/nginx-driver.ts");
    return createNginxDriver(proxy, options);
  }
  const { createVarnishDriver } = await import("./varnish/varnish-driver.ts");
  return createVarnishDriver(proxy, options);
}
