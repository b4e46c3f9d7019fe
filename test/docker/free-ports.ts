import { freePorts } from "../helpers/free-port.ts";
import type { Changes } from "./stack.ts";

/** What a stack's services get in place of the compose file's own ports, on the loopback address. */
export interface OnFreePorts {
  readonly consul: Changes[string];
  /** A Fairlead with an admin address of its own. */
  fairlead(environment: Readonly<Record<string, string>>): Promise<Changes[string]>;
  sample(environment?: Readonly<Record<string, string>>): Promise<Changes[string]>;
  /** A sample service of which there may be several. Its own health check would not know which port it has. */
  readonly manySamples: Changes[string];
}

export async function onFreePorts(): Promise<OnFreePorts> {
  const [http, server, lan, wan] = await freePorts(4);
  const address = `http://127.0.0.1:${http}`;
  const ports = { http, dns: -1, grpc: -1, server, "serf-lan": lan, "serf-wan": wan };
  const command = [
    ..."agent -dev -bind 127.0.0.1 -client 127.0.0.1 -log-level warn".split(" "),
    ...Object.entries(ports).flatMap(([name, port]) => [`-${name}-port`, String(port)]),
  ];
  const sampleOn = (port: number) => ({
    CONSUL: address,
    ADDRESS: "127.0.0.1",
    PORT: String(port),
  });
  return {
    consul: { command, environment: { CONSUL_HTTP_ADDR: address } },
    async fairlead(environment) {
      const [admin] = await freePorts(1);
      const own = { FAIRLEAD_CONSUL: address, FAIRLEAD_ADMIN: `127.0.0.1:${admin}` };
      return { environment: { ...own, ...environment } };
    },
    async sample(environment = {}) {
      const [port = 0] = await freePorts(1);
      return { environment: { ...sampleOn(port), ...environment } };
    },
    manySamples: { environment: sampleOn(0), healthcheck: { disable: true } },
  };
}
