import type { VarnishConfig } from "../../config/proxy-schema.ts";
import type { ProxyKind } from "../proxy-kind.ts";

/** Varnish. Its code is loaded when it is needed. */
export const varnishKind: ProxyKind<VarnishConfig> = {
  title: "Varnish",
  starterDirectories: [],
  async openDriver(proxy, options) {
    const { createVarnishDriver } = await import("./varnish-driver.ts");
    return createVarnishDriver(proxy, options);
  },
  withMainFile: (proxy) => Promise.resolve(proxy), // the first VCL file is the main file
  async serve(outputs, options) {
    const { serveVarnish } = await import("./serve-varnish.ts");
    return await serveVarnish(outputs, options);
  },
};
