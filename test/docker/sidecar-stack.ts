import { freePorts } from "../helpers/free-port.ts";
import { consulOnFreePorts, sampleOnFreePort } from "./consul-ports.ts";
import { type Stack, startStack } from "./stack.ts";

/** compose.sidecar.yaml, and where its proxies serve the service `web`, by the name of the proxy's container. */
export interface SidecarStack {
  readonly stack: Stack;
  readonly urls: Readonly<Record<"nginx" | "nginx-apart" | "varnish", string>>;
}

export async function startSidecars(): Promise<SidecarStack> {
  const consul = await consulOnFreePorts();
  const [shared, apart, varnish, cli, ...admins] = await freePorts(7);
  const [one, two, three] = admins.map((port) => `127.0.0.1:${port}`);
  const urls = {
    nginx: `http://127.0.0.1:${shared}/web/`,
    "nginx-apart": `http://127.0.0.1:${apart}/web/`,
    varnish: `http://127.0.0.1:${varnish}/web/`,
  };
  const fairlead = { FAIRLEAD_CONSUL: consul.address };
  const stack = await startStack("docker/compose.sidecar.yaml", {
    env: {
      NGINX_APART: `fairlead-apart-${apart}`,
      DOCKER_SOCKET: (process.env["DOCKER_HOST"] ?? "/var/run/docker.sock").replace("unix://", ""),
    },
    changes: {
      ...consul.changes,
      web: sampleOnFreePort(consul.address) ?? {},
      "nginx-fairlead": {
        environment: {
          ...fairlead,
          FAIRLEAD_ADMIN: one ?? "",
          FAIRLEAD_LISTEN: `127.0.0.1:${shared}`,
        },
      },
      "nginx-apart-fairlead": {
        environment: {
          ...fairlead,
          FAIRLEAD_ADMIN: two ?? "",
          FAIRLEAD_LISTEN: `127.0.0.1:${apart}`,
          FAIRLEAD_NGINX_PROOF: `http://127.0.0.1:${apart}/__fairlead/generation`,
        },
      },
      varnish: {
        command: [
          ..."varnishd -F -n /tmp/varnish -S /etc/varnish/secret -s malloc,64m".split(" "),
          ..."-p vcc_allow_inline_c=off -a".split(" "),
          `127.0.0.1:${varnish}`,
          "-T",
          `127.0.0.1:${cli}`,
          "-f",
          "",
          "-p",
          "cc_command=exec tcc -std=gnu11 -w -fpic -shared -o %o %s", // quick
        ],
        healthcheck: {
          test: [
            "CMD",
            "varnishadm",
            "-T",
            `127.0.0.1:${cli}`,
            "-S",
            "/etc/varnish/secret",
            "ping",
          ],
          interval: "1s",
          retries: 30,
        },
      },
      "varnish-fairlead": {
        environment: {
          ...fairlead,
          FAIRLEAD_ADMIN: three ?? "",
          FAIRLEAD_VARNISH_ADMIN: `127.0.0.1:${cli}`,
        },
      },
    },
  });
  return { stack, urls };
}
