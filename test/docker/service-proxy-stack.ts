import { freePorts } from "../helpers/free-port.ts";
import { onFreePorts } from "./free-ports.ts";
import { type Stack, startStack } from "./stack.ts";

/** compose.yaml, where its Consul answers, and where its proxies serve, by the name of their container. */
export interface ServiceProxyStack {
  readonly stack: Stack;
  readonly consul: string;
  readonly urls: Readonly<Record<"edge" | "cache", string>>;
}

export async function startServiceProxies(): Promise<ServiceProxyStack> {
  const { consul, consulAddress, fairlead, sample, manySamples } = await onFreePorts();
  const [nginx, varnish, cli] = await freePorts(3);
  const urls = { edge: `http://127.0.0.1:${nginx}`, cache: `http://127.0.0.1:${varnish}` };
  const stack = await startStack("docker/compose.yaml", {
    changes: {
      consul,
      edge: await fairlead({ FAIRLEAD_LISTEN: `127.0.0.1:${nginx}` }),
      cache: await fairlead({
        FAIRLEAD_LISTEN: `127.0.0.1:${varnish}`,
        FAIRLEAD_VARNISH_ADMIN: `127.0.0.1:${cli}`,
      }),
      shop: await sample({ CALLS: `${urls.edge}/stock/` }),
      stock: manySamples,
      pages: await sample(),
    },
  });
  return { stack, consul: consulAddress, urls };
}
