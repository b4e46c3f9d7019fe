import { freePorts } from "../helpers/free-port.ts";
import type { Changes } from "./stack.ts";

/** A dev agent on free ports of the loopback address, in place of the compose file's own. */
export async function consulOnFreePorts(): Promise<{
  readonly address: string;
  readonly changes: Changes;
}> {
  const [http, server, lan, wan] = await freePorts(4);
  const address = `http://127.0.0.1:${http}`;
  const ports = { http, dns: -1, grpc: -1, server, "serf-lan": lan, "serf-wan": wan };
  const command = [
    ..."agent -dev -bind 127.0.0.1 -client 127.0.0.1 -log-level warn".split(" "),
    ...Object.entries(ports).flatMap(([name, port]) => [`-${name}-port`, String(port)]),
  ];
  return { address, changes: { consul: { command, environment: { CONSUL_HTTP_ADDR: address } } } };
}

/** A sample service that takes any free port. Its own health check would not know which. */
export const sampleOnFreePort = (consul: string): Changes[string] => ({
  environment: { CONSUL: consul, ADDRESS: "127.0.0.1", PORT: "0" },
  healthcheck: { disable: true },
});
