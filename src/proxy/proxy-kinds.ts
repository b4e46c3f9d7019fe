import type { ProxyDriver } from "../apply/proxy-driver.ts";
import type { ProxyConfig } from "../config/proxy-schema.ts";
import { nginxKind } from "./nginx/nginx-kind.ts";
import type { DriverOptions, ProxyKind } from "./proxy-kind.ts";
import { varnishKind } from "./varnish/varnish-kind.ts";

/** The only place that names the kinds of proxies here. A third one is a folder, and a line. */
const PROXY_KINDS: {
  readonly [Kind in ProxyConfig["kind"]]: ProxyKind<Extract<ProxyConfig, { kind: Kind }>>;
} = {
  nginx: nginxKind,
  varnish: varnishKind,
};

/** What a proxy's kind offers. */
export const kindOf = ({ kind }: Pick<ProxyConfig, "kind">): ProxyKind<ProxyConfig> =>
  PROXY_KINDS[kind];

/** Makes the driver of one proxy, and loads the code of its kind only. Nothing runs yet. */
export async function openDriver(proxy: ProxyConfig, options: DriverOptions): Promise<ProxyDriver> {
  return await kindOf(proxy).openDriver(proxy, options);
}
