import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort } from "../helpers/free-port.ts";
import { type Nginx, startNginx } from "../helpers/start-nginx.ts";

/** Where a subject of the bench works: an nginx of its own with the built-in file. */
export interface BenchSite {
  /** Consul's address. */
  readonly consul: string;
  readonly nginx: Nginx;
  /** The file that nginx includes. */
  readonly file: string;
  readonly config: string;
  /** Where its nginx says which generation it serves. */
  readonly generationUrl: string;
}

/** @param consul Fairlead's settings for Consul, with its address */
export async function startBenchSite(
  home: string,
  consul: { readonly address: string; readonly [key: string]: unknown },
): Promise<BenchSite> {
  await mkdir(home);
  const nginx = await startNginx(home);
  const listen = `127.0.0.1:${await freePort()}`;
  const file = join(nginx.confDirectory, "services.conf");
  const config = join(home, "fairlead.yaml");
  const files = [{ template: "builtin:nginx/service-proxy.conf", path: file }];
  await writeFile(
    config,
    stringify({
      consul,
      state: "state",
      admin: { listen: `127.0.0.1:${await freePort()}` },
      proxies: [{ name: "edge", kind: "nginx", config: nginx.config, files }],
      values: { nginx: { listen } },
    }),
  );
  return {
    consul: consul.address,
    nginx,
    file,
    config,
    generationUrl: `http://${listen}/__fairlead/generation`,
  };
}
