import type { ProxyStatus } from "../../src/apply/proxy-status.ts";
import { request } from "./request.ts";
import type { TempDirectory } from "./temp-directory.ts";
import { adminListen } from "./test-programs.ts";

/** Where the daemon whose config is in `directory` serves its status. */
export async function adminUrl(directory: TempDirectory): Promise<string> {
  return `http://${await adminListen(directory)}`;
}

/** The status of the first proxy, or the one that is named. */
export async function adminStatus(url: string, proxy?: string): Promise<ProxyStatus> {
  const { body } = await request(`${url}/v1/status`);
  const { proxies } = JSON.parse(body) as { readonly proxies: readonly ProxyStatus[] };
  const [found] = proxies.filter(({ name }) => proxy === undefined || name === proxy);
  if (found === undefined) throw new Error(body);
  return found;
}
