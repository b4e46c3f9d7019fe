import { freePorts } from "../helpers/free-port.ts";
import { onFreePorts } from "./free-ports.ts";
import { type Change, type Stack, startStack } from "./stack.ts";

/** compose.sidecar.yaml, and where its proxies serve, by the name of their container. */
export interface SidecarStack {
  readonly stack: Stack;
  readonly urls: Readonly<Record<"nginx" | "nginx-apart" | "varnish", string>>;
}

export async function startSidecars(): Promise<SidecarStack> {
  const { consul, fairlead, manySamples } = await onFreePorts();
  const [shared, apart, varnish, cli] = await freePorts(4);
  const urls = {
    nginx: `http://127.0.0.1:${shared}`,
    "nginx-apart": `http://127.0.0.1:${apart}`,
    varnish: `http://127.0.0.1:${varnish}`,
  };
  const stack = await startStack("docker/compose.sidecar.yaml", {
    env: {
      NGINX_APART: `fairlead-apart-${apart}`,
      DOCKER_SOCKET: (process.env["DOCKER_HOST"] ?? "/var/run/docker.sock").replace("unix://", ""),
    },
    changes: {
      consul,
      web: manySamples,
      "nginx-fairlead": await fairlead({ FAIRLEAD_LISTEN: `127.0.0.1:${shared}` }),
      "nginx-apart-fairlead": await fairlead({
        FAIRLEAD_LISTEN: `127.0.0.1:${apart}`,
        FAIRLEAD_NGINX_PROOF: `${urls["nginx-apart"]}/__fairlead/generation`,
      }),
      varnish: varnishOn({ listen: `127.0.0.1:${varnish}`, cli: `127.0.0.1:${cli}` }),
      "varnish-fairlead": await fairlead({ FAIRLEAD_VARNISH_ADMIN: `127.0.0.1:${cli}` }),
    },
  });
  return { stack, urls };
}

const SECRET = "/etc/varnish/secret";
const TCC = "cc_command=exec tcc -std=gnu11 -w -fpic -shared -o %o %s";

/** How a varnishd of its own is started, but for its VCL. */
export const varnishd = ({ listen, cli }: { readonly listen: string; readonly cli: string }) => [
  ..."varnishd -F -n /tmp/varnish -s malloc,64m -p vcc_allow_inline_c=off".split(" "),
  ...`-S ${SECRET} -a ${listen} -T ${cli} -p`.split(" "),
  TCC,
];

/** As in the file, where others do not listen, and with a compiler that is quick. */
function varnishOn({ listen, cli }: { readonly listen: string; readonly cli: string }): Change {
  const instead: Readonly<Record<string, string>> = {
    ":8080": listen,
    "0.0.0.0:6082": cli,
    "127.0.0.1:6082": cli,
  };
  const moved = (words: readonly string[]) => words.map((word) => instead[word] ?? word);
  return ({ command = [], healthcheck }) => ({
    command: [...moved(command), "-p", TCC],
    healthcheck: { ...healthcheck, test: moved(healthcheck?.test ?? []), retries: 30 },
  });
}
