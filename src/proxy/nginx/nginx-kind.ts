import type { NginxConfig } from "../../config/proxy-schema.ts";
import type { ProxyKind } from "../proxy-kind.ts";

/** nginx. Its code is loaded when it is needed. */
export const nginxKind: ProxyKind<NginxConfig> = {
  title: "nginx",
  starterDirectories: ["conf.d"],
  async openDriver(proxy, options) {
    const { createNginxDriver } = await import("./nginx-driver.ts");
    return createNginxDriver(proxy, options);
  },
  async withMainFile(proxy, outputs, context) {
    const { mainFileFor } = await import("./main-file.ts");
    const paths = outputs.filter(({ format }) => format === "nginx").map(({ path }) => path);
    return { ...proxy, config: (await mainFileFor(paths, context)) ?? proxy.config };
  },
  async serve(outputs, options) {
    const { serveNginx } = await import("./serve-nginx.ts");
    return await serveNginx(outputs, options);
  },
};
